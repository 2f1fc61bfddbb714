/** Time as it is passed in: UTC milliseconds, and a way to be called at a moment. */
export interface Clock {
  /** The current time in UTC milliseconds. */
  now(): number
  /** Calls `action` once, at or soon after `atMs`; the returned function cancels it. */
  at(atMs: number, action: () => void): () => void
}

/** A clock that can be moved forward by hand, for the simulator's control page and for tests. */
export interface MovableClock extends Clock {
  /** Moves the time forward by `ms` and fires what became due. */
  advance(ms: number): void
}

/** Resolves after `ms` on the given clock; rejects with the signal's reason when aborted first. */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason)
    const abort = () => {
      cancel()
      reject(signal?.reason)
    }
    const cancel = clock.at(clock.now() + ms, () => {
      signal?.removeEventListener('abort', abort)
      resolve()
    })
    signal?.addEventListener('abort', abort, { once: true })
  })
}

/** Lets pages, signals and the worker have their turn in the middle of long work. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

// setTimeout fires at once for delays beyond 2^31-1 ms, so a far moment is approached in hops.
const HOP_MAX_MS = 2 ** 31 - 1

type Alarm = { atMs: number; action: () => void; timer?: ReturnType<typeof setTimeout> }

/** The machine's own clock, which can be moved forward (the demo) and never back. */
export class SystemClock implements MovableClock {
  private shiftMs = 0
  private readonly alarms = new Set<Alarm>()

  now(): number {
    return Date.now() + this.shiftMs
  }

  at(atMs: number, action: () => void): () => void {
    const alarm: Alarm = { atMs, action }
    this.alarms.add(alarm)
    this.arm(alarm)
    return () => this.drop(alarm)
  }

  advance(ms: number): void {
    this.shiftMs += Math.max(0, ms)
    for (const alarm of [...this.alarms]) {
      clearTimeout(alarm.timer)
      this.arm(alarm)
    }
  }

  private arm(alarm: Alarm): void {
    const waitMs = Math.max(0, alarm.atMs - this.now())
    alarm.timer = setTimeout(
      () => {
        if (alarm.atMs > this.now()) return this.arm(alarm)
        this.alarms.delete(alarm)
        alarm.action()
      },
      Math.min(waitMs, HOP_MAX_MS),
    )
  }

  private drop(alarm: Alarm): void {
    clearTimeout(alarm.timer)
    this.alarms.delete(alarm)
  }
}

/** A clock that stands still until it is advanced: every test's clock. */
export class ManualClock implements MovableClock {
  private alarms: Alarm[] = []

  constructor(private timeMs = Date.UTC(2026, 10, 22, 12)) {}

  now(): number {
    return this.timeMs
  }

  at(atMs: number, action: () => void): () => void {
    const alarm = { atMs, action }
    this.alarms.push(alarm)
    return () => {
      this.alarms = this.alarms.filter((other) => other !== alarm)
    }
  }

  advance(ms: number): void {
    const until = this.timeMs + ms
    for (let next = this.nextDue(until); next; next = this.nextDue(until)) {
      this.alarms = this.alarms.filter((other) => other !== next)
      this.timeMs = Math.max(this.timeMs, next.atMs)
      next.action()
    }
    this.timeMs = until
  }

  private nextDue(until: number): Alarm | undefined {
    return this.alarms.filter((alarm) => alarm.atMs <= until).sort((a, b) => a.atMs - b.atMs)[0]
  }
}
