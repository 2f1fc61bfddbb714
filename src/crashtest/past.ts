import type { Copy } from './tables'

/** The states that a database has had, for a disk that is lost. */
export class Past {
  private readonly states: { at: number; copy: Copy }[] = []

  remember(at: number, copy: Copy): void {
    this.states.push({ at, copy })
  }

  /** What stood at a moment, or the first that is known. */
  asOf(ms: number): Copy | undefined {
    return this.states.findLast(({ at }) => at <= ms)?.copy ?? this.states[0]?.copy
  }
}
