import { Cron } from 'croner'
import { SCHEDULE } from '../schedule'
import type { Services } from '../services'
import type { Fate } from './fate'
import type { StoryTime } from './time'

const crons = SCHEDULE.map(
  ({ name, when }) => [name, new Cron(when, { utcOffset: 0, paused: true })] as const,
)

const MINUTE_MS = 60_000
/** By line and minute: lives begin in the same minutes again and again, and to reckon in dates takes long. */
const reckoned = new Map<string, number>()

function nextRound(name: string, nowMs: number): number {
  const key = `${name} ${Math.floor(nowMs / MINUTE_MS)}`
  const cron = crons.find(([one]) => one === name)?.[1]
  const next = reckoned.get(key) ?? cron?.nextRun(new Date(nowMs))?.getTime() ?? Number.POSITIVE_INFINITY
  reckoned.set(key, next)
  return next
}

/** What one life does by the clock: the schedule's own lines, at the times that they name. */
export class Rounds {
  private readonly next = new Map<string, number>()
  private readonly working = new Set<string>()

  constructor(
    private readonly services: Services,
    private readonly fate: Fate,
    private readonly time: StoryTime,
  ) {
    for (const [name] of crons) this.plan(name)
  }

  get nextAt(): number {
    return Math.min(...this.next.values())
  }

  /** Begins every line that is due, and that is not at work yet. */
  make(): void {
    for (const { name, work } of SCHEDULE) {
      if ((this.next.get(name) ?? 0) > this.time.now()) continue
      this.plan(name)
      if (!this.working.has(name)) void this.do(name, async () => work(this.services))
    }
  }

  private async do(name: string, work: () => Promise<void>): Promise<void> {
    this.working.add(name)
    try {
      await work()
    } catch (thrown) {
      if (!this.fate.isDead) this.services.log.error('a scheduled line broke', thrown, { name })
    }
    this.working.delete(name)
  }

  private plan(name: string): void {
    this.next.set(name, nextRound(name, this.time.now()))
  }
}
