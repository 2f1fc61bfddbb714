import { sleep } from '../clock'
import type { Clouds } from '../simulator/simulator'
import type { Tables } from './tables'
import type { StoryTime } from './time'
import type { Watch } from './watch'
import { hasWork, nextWorkAt } from './work'

export const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
/** Where nothing is going on, time goes forward in strides, as for a machine that sleeps between them. */
const CALM_MS = 20_000
const STRIDE_MS = 6 * HOUR_MS
const CAREFUL_STRIDE_MS = 10 * MINUTE_MS

type PaceParts = { time: StoryTime; tables: Tables; clouds: Clouds; watch: Pick<Watch, 'isUneasy'> }

/** How time goes on in a story: from one thing that has to be done to the next. */
export class Pace {
  private readonly awaited = new Set<number>()

  constructor(private readonly parts: PaceParts) {}

  /** What a person does who waits; time does not stride past the moment. */
  async pause(ms: number): Promise<void> {
    const { time } = this.parts
    const until = time.now() + ms
    this.awaited.add(until)
    await sleep(time, ms)
    this.awaited.delete(until)
  }

  /** Whether nobody is working on anything and no mail or event waits for its turn. */
  get isAtRest(): boolean {
    const { time, tables } = this.parts
    return !hasWork(tables) && this.webhookAt > time.now() + HOUR_MS
  }

  /** The moment to which time goes on, when the next round of the schedule is at another. */
  next(roundAt: number): number {
    const { time, watch } = this.parts
    const nowMs = time.now()
    const alarm = time.nextAt() ?? Number.POSITIVE_INFINITY
    const due = this.nextDue()
    const stride = watch.isUneasy ? CAREFUL_STRIDE_MS : STRIDE_MS
    if (due > nowMs + CALM_MS) return Math.min(due, nowMs + stride)
    return Math.min(alarm, Math.max(roundAt, nowMs))
  }

  /** When anything has to be done that is not done again and again anyway. */
  private nextDue(): number {
    return Math.min(nextWorkAt(this.parts.tables), this.webhookAt, ...this.awaited)
  }

  private get webhookAt(): number {
    return this.parts.clouds.stripe.nextWebhookAt() ?? Number.POSITIVE_INFINITY
  }
}
