import { type Clock, sleep } from '../../clock'
import { unavailable } from '../../errors'

const HOUR_MS = 3_600_000
// Hetzner's default for a project, until its first answer says otherwise.
const LIMIT_DEFAULT = 3_600
// The last few are kept for writes: whoever has looked for a server must not be stopped from creating it, or a
// crowd would spend everything on looking.
const RESERVE_MAX = 10
const RESERVE_SHARE = 0.02
const WAIT_MAX_MS = 30_000

/**
 * The one account of how many requests Hetzner still takes. Its bucket refills evenly (3,600 an hour is one a
 * second), so whoever finds it nearly empty waits for their turn, and is refused when that would take too long.
 * https://docs.hetzner.cloud/reference/cloud#description/rate-limiting
 */
export class RateBudget {
  private limit = LIMIT_DEFAULT
  private remaining = LIMIT_DEFAULT
  private refillPerMs = LIMIT_DEFAULT / HOUR_MS
  private countedAt: number
  private unanswered = 0

  constructor(private readonly clock: Clock) {
    this.countedAt = clock.now()
  }

  /** Resolves when a request may be sent. Throws `unavailable` with `retryAfterMs` when the wait is too long. */
  async take(kind: 'read' | 'write'): Promise<void> {
    const waitMs = this.waitMs(kind)
    if (waitMs > WAIT_MAX_MS) {
      throw unavailable("Atlas has nearly used up Hetzner's hourly limit of requests and holds back.", {
        outcome: 'refused',
        vendorCode: 'rate_limit_exceeded',
        retryAfterMs: waitMs,
      })
    }
    // Taken before the wait, so that everyone who comes later waits behind.
    this.remaining = this.available() - 1
    this.countedAt = this.clock.now()
    this.unanswered += 1
    if (waitMs > 0) await sleep(this.clock, waitMs)
  }

  /** Ends what `take` began; the headers of the answer correct the account. */
  settle(headers?: Headers): void {
    this.unanswered -= 1
    const limit = wholeNumber(headers?.get('ratelimit-limit'))
    const remaining = wholeNumber(headers?.get('ratelimit-remaining'))
    if (limit === null || remaining === null || limit === 0) return
    this.limit = limit
    // Hetzner may not have counted those that are still on their way.
    this.remaining = remaining - this.unanswered
    this.countedAt = this.clock.now()
    this.refillPerMs = this.measuredRefill(limit - remaining, wholeNumber(headers?.get('ratelimit-reset')))
  }

  /** How long until the next request of that kind may be sent, in milliseconds. */
  waitMs(kind: 'read' | 'write'): number {
    const reserve = kind === 'write' ? 0 : Math.min(RESERVE_MAX, Math.ceil(this.limit * RESERVE_SHARE))
    return Math.max(0, Math.ceil((reserve + 1 - this.available()) / this.refillPerMs))
  }

  private available(): number {
    const nowMs = this.clock.now()
    // Of a clock that was put back no time has passed, and none is owed: an hour would use up the whole hour's requests.
    this.countedAt = Math.min(this.countedAt, nowMs)
    return Math.min(this.limit, this.remaining + (nowMs - this.countedAt) * this.refillPerMs)
  }

  /** The documented pace, or a faster one if the bucket will be full sooner. Both numbers were rounded up. */
  private measuredRefill(missing: number, resetSeconds: number | null): number {
    const fullInMs = (resetSeconds ?? 0) * 1000 - this.clock.now()
    const measured = fullInMs > 0 ? (missing - 1) / fullInMs : 0
    return Math.max(this.limit / HOUR_MS, measured)
  }
}

function wholeNumber(text: string | null | undefined): number | null {
  return text && /^\d{1,11}$/.test(text) ? Number(text) : null
}
