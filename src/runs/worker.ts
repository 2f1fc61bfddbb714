import { type Clock, sleep } from '../clock'
import type { Db } from '../db/open'
import type { Log } from '../log'

/** One kind of work that waits in the database, such as runs or mails to send. */
export interface Lane<Item> {
  readonly name: string
  readonly concurrency: number
  /** When the earliest item wants to be worked on, leaving out those in hand; null when none does. */
  nextDueAt(inHand: ReadonlySet<string>): number | null
  /** Takes up to `limit` due items, leaving out those in hand. */
  take(limit: number, inHand: ReadonlySet<string>): Item[]
  keyOf(item: Item): string
  work(item: Item): Promise<void>
}

const PAUSE_AFTER_BUG_MS = 5_000

/** Works through the lanes: awake as soon as a commit queued something, asleep until the next due time. */
export class Worker {
  private readonly inHand = new Map<string, Set<string>>()
  private readonly working = new Set<Promise<void>>()
  private cancelAlarm = () => {}
  private awake = false
  private stopped = true
  private stopListening = () => {}

  constructor(
    private readonly db: Db,
    private readonly clock: Clock,
    private readonly log: Log,
    private readonly lanes: readonly Lane<unknown>[],
  ) {
    for (const lane of lanes) this.inHand.set(lane.name, new Set())
  }

  start(): void {
    this.stopped = false
    this.stopListening = this.db.onCommit(() => this.wake())
    this.wake()
  }

  /** Takes nothing new and resolves when the work in hand has ended, or after `graceMs`. */
  async stop(graceMs: number): Promise<void> {
    this.stopped = true
    this.stopListening()
    this.cancelAlarm()
    const grace = new Promise<void>((resolve) => setTimeout(resolve, graceMs).unref())
    await Promise.race([Promise.allSettled(this.working), grace])
  }

  /** Resolves once nothing is in hand and nothing is due: what tests wait for. */
  async settled(): Promise<void> {
    do {
      await Promise.allSettled(this.working)
      await new Promise<void>((resolve) => setImmediate(resolve))
    } while (this.awake || this.working.size > 0)
  }

  private wake(): void {
    if (this.awake || this.stopped) return
    this.awake = true
    // After the current task, so that many commits in a row make one round.
    setImmediate(() => {
      this.awake = false
      if (!this.stopped) this.round()
    })
  }

  private round(): void {
    this.cancelAlarm()
    try {
      const dues = this.lanes.flatMap((lane) => this.serve(lane) ?? [])
      if (dues.length > 0) this.wakeAt(Math.min(...dues))
    } catch (thrown) {
      // The database may be busy or its disk full: that is no reason to end the process, or to try without a pause.
      this.log.error('a round of work broke', thrown)
      this.wakeAt(this.clock.now() + PAUSE_AFTER_BUG_MS)
    }
  }

  private nextDueAt(lane: Lane<unknown>): number | null {
    const inHand = this.handOf(lane)
    return inHand.size >= lane.concurrency ? null : lane.nextDueAt(inHand)
  }

  private wakeAt(atMs: number): void {
    this.cancelAlarm = this.clock.at(atMs, () => this.wake())
  }

  /** Takes what is due, and says when the next item wants to be worked on. */
  private serve(lane: Lane<unknown>): number | null {
    const inHand = this.handOf(lane)
    const due = this.nextDueAt(lane)
    if (due === null || due > this.clock.now()) return due
    const free = lane.concurrency - inHand.size
    for (const item of lane.take(free, inHand)) this.hand(lane, inHand, item)
    return this.nextDueAt(lane)
  }

  private hand(lane: Lane<unknown>, inHand: Set<string>, item: unknown): void {
    const key = lane.keyOf(item)
    inHand.add(key)
    const work = lane
      .work(item)
      .catch(async (thrown) => {
        this.log.error('work broke', thrown, { lane: lane.name, item: key })
        // A bug here must not become a loop that eats the processor.
        await sleep(this.clock, PAUSE_AFTER_BUG_MS)
      })
      .finally(() => {
        inHand.delete(key)
        this.working.delete(work)
        this.wake()
      })
    this.working.add(work)
  }

  private handOf(lane: Lane<unknown>): Set<string> {
    return this.inHand.get(lane.name) ?? new Set()
  }
}
