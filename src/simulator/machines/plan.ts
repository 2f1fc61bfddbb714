import { type AgentEnd, type Coming, type LogLine, type Pace, spread } from './machine'
import { refusal } from './work'

const LAST_WORDS_MAX = 100

/** What a command will say and change, moment by moment, told from its beginning to its end. */
export class Plan {
  readonly logs: LogLine[] = []
  readonly coming: Coming[] = []
  end: AgentEnd = refusal('internal', 'The agent failed.')

  constructor(
    /** How far it is told, in UTC milliseconds. */
    public at: number,
    private readonly pace: Pace,
  ) {}

  say(...lines: string[]): void {
    this.logs.push(...lines.map((line) => ({ at: this.at, line })))
  }

  /** Time goes by, in a real cloud's milliseconds, with lines spread over it. */
  passes(realMs: number, lines: string[] = []): void {
    const lastsMs = this.pace.lasts(realMs)
    this.logs.push(...spread(lines, this.at, lastsMs))
    this.at += lastsMs
  }

  becomes(change: Omit<Coming, 'at'>): void {
    this.coming.push({ ...change, at: this.at })
  }

  /** What has been said so far, as the agent repeats it in an error. */
  lastWords(): string[] {
    return this.logs.slice(-LAST_WORDS_MAX).map(({ line }) => line)
  }
}
