import type { Clock, MovableClock } from '../clock'

type Alarm = { atMs: number; order: number; action: (() => void) | null }

/** When every story begins. */
export const BEGIN_MS = Date.UTC(2026, 10, 22, 12)
/** Turns of the event loop in which nothing may happen before everything is said to wait for the clock. */
const QUIET_TURNS = 2

const nextTurn = globalThis.setImmediate

/**
 * The time of a story. It stands still while anything is under way, and goes to the next alarm when all that is left
 * waits for it; so hours pass in milliseconds, and in the same order every time.
 */
export class StoryTime implements MovableClock {
  private readonly alarms: Alarm[] = []
  /** What waits until nothing is under way outside the event loop. */
  private readonly held: (() => void)[] = []
  private order = 0
  private turnsAhead = 0
  private busy = 0

  constructor(private timeMs = BEGIN_MS) {}

  now(): number {
    return this.timeMs
  }

  at(atMs: number, action: () => void): () => void {
    // Tables hold whole milliseconds.
    const alarm: Alarm = { atMs: Math.ceil(atMs), order: this.order++, action }
    this.insert(alarm)
    return () => {
      alarm.action = null
    }
  }

  /** When the next alarm is due; undefined when nobody waits for anything. */
  nextAt(): number | undefined {
    while (this.alarms.length > 0 && this.alarms[0]?.action === null) this.removeFirst()
    return this.alarms[0]?.atMs
  }

  /** Goes to a moment and rings what is due at it: all that is due at once, before any of it is worked on. */
  goTo(atMs: number): void {
    this.timeMs = Math.max(this.timeMs, atMs)
    for (let next = this.nextAt(); next !== undefined && next <= this.timeMs; next = this.nextAt()) {
      const { action } = this.removeFirst()
      action?.()
    }
  }

  /** A jump of the clock: whatever became due on the way rings late. */
  advance(ms: number): void {
    this.goTo(this.timeMs + ms)
  }

  /** Something that is about to happen in a later turn of the event loop, counted until it does. */
  inNextTurn(action: () => void): () => void {
    this.turnsAhead++
    let isWanted = true
    const fire = () => {
      // Threads take as long as they like; whatever waits for its turn must not overtake them.
      if (this.busy > 0) return void this.held.push(fire)
      this.turnsAhead--
      if (isWanted) action()
    }
    nextTurn(fire)
    return () => {
      isWanted = false
    }
  }

  /** Keeps the time standing until `work` has ended: for what happens outside the event loop. */
  async during<T>(work: Promise<T>): Promise<T> {
    this.busy++
    try {
      return await work
    } finally {
      this.busy--
      if (this.busy === 0) for (const go of this.held.splice(0)) nextTurn(go)
    }
  }

  /** Whether nothing is about to happen in the next turn. */
  get isQuiet(): boolean {
    return this.turnsAhead + this.busy === 0
  }

  /** Resolves when nothing can happen any more without time going on. */
  async quiet(): Promise<void> {
    for (let turns = 0; turns < QUIET_TURNS; ) {
      await new Promise<void>((resolve) => (this.busy > 0 ? this.held.push(resolve) : nextTurn(resolve)))
      turns = this.isQuiet ? turns + 1 : 0
    }
  }

  private insert(alarm: Alarm): void {
    let at = this.alarms.push(alarm) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!isBefore(alarm, this.alarms[parent]!)) break
      this.alarms[at] = this.alarms[parent]!
      at = parent
    }
    this.alarms[at] = alarm
  }

  private removeFirst(): Alarm {
    const first = this.alarms[0]!
    const last = this.alarms.pop()!
    if (this.alarms.length === 0) return first
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= this.alarms.length) break
      if (child + 1 < this.alarms.length && isBefore(this.alarms[child + 1]!, this.alarms[child]!)) child++
      if (!isBefore(this.alarms[child]!, last)) break
      this.alarms[at] = this.alarms[child]!
      at = child
    }
    this.alarms[at] = last
    return first
  }
}

const isBefore = (a: Alarm, b: Alarm) => a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)

/** The clock of one process: when it dies, nothing rings for it any more. */
export class MortalClock implements Clock {
  private isDead = false

  constructor(private readonly time: StoryTime) {}

  now(): number {
    return this.time.now()
  }

  at(atMs: number, action: () => void): () => void {
    return this.time.at(atMs, () => {
      if (!this.isDead) action()
    })
  }

  die(): void {
    this.isDead = true
  }
}
