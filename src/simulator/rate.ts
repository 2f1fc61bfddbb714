import type { World } from './world'

/** A vendor's limit of requests a second; no limit when `perSecond` is absent. */
export class Rate {
  private recent: number[] = []

  constructor(
    private readonly world: World,
    readonly perSecond?: number,
  ) {}

  /** Counts one request; tells how many more fit into this second, or -1 when it is one too many. */
  take(): number {
    if (this.perSecond === undefined) return Number.POSITIVE_INFINITY
    const windowMs = this.world.lasts(1000)
    const now = this.world.now()
    this.recent = this.recent.filter((at) => now - at < windowMs)
    if (this.recent.length >= this.perSecond) return -1
    this.recent.push(now)
    return this.perSecond - this.recent.length
  }
}
