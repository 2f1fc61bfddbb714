import type { World } from '../world'
import { Refusal } from './answers'

const HOUR_MS = 3_600_000

/** Hetzner's bucket: a whole hour's requests may come at once, then it refills evenly. */
export class RateLimit {
  private remaining: number
  private countedAt: number

  constructor(
    private readonly world: World,
    private readonly perHour: number,
  ) {
    this.remaining = perHour
    this.countedAt = world.now()
  }

  /** Counts one request. Throws `rate_limit_exceeded` when none is left. */
  take(): void {
    const now = this.world.now()
    this.remaining = Math.min(this.perHour, this.remaining + (now - this.countedAt) / this.refillMs())
    this.countedAt = now
    if (this.remaining < 1) throw new Refusal('rate_limit_exceeded', 'limit of requests per hour reached')
    this.remaining -= 1
  }

  /** The three headers; `empty` for a refusal that was only injected. */
  headers(empty = false): Record<string, string> {
    const remaining = empty ? 0 : Math.floor(this.remaining)
    const fullAtMs = this.world.now() + (this.perHour - remaining) * this.refillMs()
    return {
      'RateLimit-Limit': String(this.perHour),
      'RateLimit-Remaining': String(remaining),
      'RateLimit-Reset': String(Math.ceil(fullAtMs / 1000)),
    }
  }

  private refillMs(): number {
    return this.world.lasts(HOUR_MS / this.perHour)
  }
}
