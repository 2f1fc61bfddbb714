import type { Database, Statement } from 'bun:sqlite'

const KEPT_MAX = 500

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
    const statement = this.sqlite.prepare(text)
    this.kept.set(text, statement)
    return statement
  }

  exec(text: string): void {
    this.sqlite.exec(text)
  }

  transaction<T>(work: () => T) {
    return this.sqlite.transaction(work)
  }
}
