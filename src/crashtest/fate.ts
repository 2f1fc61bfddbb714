import type { Database } from 'bun:sqlite'
import { Db, type Tx } from '../db/open'

/** What a process that has died would do: nothing. */
export class Dead extends Error {}

/**
 * Says when a life ends. Every commit, and every call that changes the outside world, passes here before it happens;
 * calls also when they have been sent and when their reply is there. A process that has died gets no further.
 */
export class Fate {
  /** What was passed, in order. */
  readonly moments: string[] = []
  readonly death = Promise.withResolvers<undefined>()
  isDead = false

  /** The life ends at the moment with this number or, for the first time, this name; else it goes on. */
  constructor(
    public deathAt?: number | string,
    private readonly onDeath: (moment: string) => void = () => {},
  ) {}

  /** Whether the life goes on; false from the moment of death on. */
  passes(moment: string): boolean {
    if (this.isDead) return false
    const number = this.moments.push(moment) - 1
    if (number !== this.deathAt && moment !== this.deathAt) return true
    this.isDead = true
    this.onDeath(moment)
    this.death.resolve(undefined)
    return false
  }
}

/** The database as one life sees it. */
export class MortalDb extends Db {
  constructor(
    sqlite: Database,
    private readonly fate: Fate,
  ) {
    super(sqlite)
  }

  override writeQuietly<T>(work: (tx: Tx) => T): T {
    if (!this.fate.passes('commit')) throw new Dead()
    return super.writeQuietly(work)
  }
}

/** What a call of a dead process comes to. */
export function silence<T>(): Promise<T> {
  return new Promise(() => {})
}
