import { type Clock, sleep } from '../../clock'
import { unavailable } from '../../errors'

const HOUR_MS = 3_600_000
// Hetzner's default for a project, until its first answer says otherwise.
const LIMIT_DEFAULT = 3_600
// One in a hundred is left to the operator's own tools, which share the project's limit.
const RESERVE_SHARE = 0.01
const WAIT_MAX_MS = 30_000

/**
 * The one account of how many requests Hetzner still takes. Its bucket refills evenly (3,600 an hour is one a
 * second), so whoever finds it nearly empty waits for their turn, and is refused when that would take too long.
 * https://docs.hetzner.cloud/reference/cloud#description/rate-limiting
 */
export class RateBudget {
  private limit = LIMIT_DEFAULT
  private remaining = LIMIT_DEFAULT
  private countedAt: number
  private unanswered = 0

  constructor(private readonly clock: Clock) {
    this.countedAt = clock.now()
  }

  /** Resolves when a request may be sent. Throws `unavailable` with `retryAfterMs` when the wait is too long. */
  async take(): Promise<void> {
    const waitMs = this.waitMs()
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
  }

  /** How long until the next request may be sent, in milliseconds. */
  waitMs(): number {
    const missing = Math.ceil(this.limit * RESERVE_SHARE) + 1 - this.available()
    return Math.max(0, Math.ceil((missing * HOUR_MS) / this.limit))
  }

  private available(): number {
    const refilled = ((this.clock.now() - this.countedAt) * this.limit) / HOUR_MS
    return Math.min(this.limit, this.remaining + refilled)
  }
}

function wholeNumber(text: string | null | undefined): number | null {
  return text && /^\d{1,9}$/.test(text) ? Number(text) : null
}
