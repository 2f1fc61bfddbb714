import type { Database, Statement } from 'bun:sqlite'

const KEPT_MAX = 500
/**
 * SQLite plans for the very number that stands in `limit ?`, and so compiles the query again whenever one is bound:
 * 50 times as slow as to find nothing. It looks into no sum.
 */
const BOUND_LIMIT = /\blimit \?/g

/** A connection that compiles each text once: for most of our queries that takes SQLite longer than to run them. */
export class Statements {
  private readonly kept = new Map<string, Statement>()

  constructor(private readonly sqlite: Database) {}

  prepare(text: string): Statement {
    const known = this.kept.get(text)
    if (known) return known
    // Lists of every length make a text each: whoever has been here longest goes.
    const [oldest] = this.kept.keys()
    if (this.kept.size >= KEPT_MAX && oldest !== undefined) this.kept.delete(oldest)
    const statement = this.sqlite.prepare(text.replace(BOUND_LIMIT, 'limit ? + 0'))
    this.kept.set(text, statement)
    return statement
  }

  exec(text: string): void {
    this.sqlite.exec(text)
  }

  /** What `Database.transaction` does too, with four new functions for each. */
  transaction<T>(work: () => T) {
    return {
      deferred: () => this.within('BEGIN', work),
      immediate: () => this.within('BEGIN IMMEDIATE', work),
    }
  }

  /** One in another is a savepoint. */
  private within<T>(begin: string, work: () => T): T {
    const isInner = this.sqlite.inTransaction
    this.prepare(isInner ? 'SAVEPOINT inner_one' : begin).run()
    try {
      const result = work()
      this.prepare(isInner ? 'RELEASE inner_one' : 'COMMIT').run()
      return result
    } catch (thrown) {
      // Some errors, such as a full disk, have SQLite roll back by itself.
      if (this.sqlite.inTransaction) this.undo(isInner)
      throw thrown
    }
  }

  private undo(isInner: boolean): void {
    this.prepare(isInner ? 'ROLLBACK TO inner_one' : 'ROLLBACK').run()
    if (isInner) this.prepare('RELEASE inner_one').run()
  }
}
