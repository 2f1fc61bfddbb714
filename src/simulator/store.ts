import { Database } from 'bun:sqlite'

/** Where a world's objects are written, so that another can begin where it ended. */
export interface Store {
  /** Every object of a kind. */
  load(kind: string): unknown[]
  put(kind: string, id: string, row: object): void
  delete(kind: string, id: string): void
  counter(name: string): number
  /** Adds to a counter, which begins with `first`, and returns what it is then. */
  count(name: string, by: number, first: number): number
  transaction<T>(work: () => T): T
  close(): void
}

/** One SQLite file: what was written is there at the next start. */
export class FileStore implements Store {
  private readonly db: Database

  constructor(file: string) {
    this.db = new Database(file, { create: true })
    // A simulated cloud need not survive a power cut, only a killed process: WAL without fsync is enough.
    this.db.exec('PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; PRAGMA busy_timeout=5000')
    this.db.exec(
      `CREATE TABLE IF NOT EXISTS objects (kind TEXT, id TEXT, body TEXT, PRIMARY KEY (kind, id)) WITHOUT ROWID;
       CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, value INTEGER)`,
    )
  }

  load(kind: string): unknown[] {
    const stored = this.db.query('SELECT body FROM objects WHERE kind = ?1').all(kind) as { body: string }[]
    return stored.map(({ body }) => JSON.parse(body))
  }

  put(kind: string, id: string, row: object): void {
    this.db.query('INSERT OR REPLACE INTO objects VALUES (?1, ?2, ?3)').run(kind, id, JSON.stringify(row))
  }

  delete(kind: string, id: string): void {
    this.db.query('DELETE FROM objects WHERE kind = ?1 AND id = ?2').run(kind, id)
  }

  counter(name: string): number {
    const row = this.db.query('SELECT value FROM counters WHERE name = ?1').get(name)
    return (row as { value: number } | null)?.value ?? 0
  }

  count(name: string, by: number, first: number): number {
    const added =
      'INSERT INTO counters VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = value + ?3 RETURNING value'
    return (this.db.query(added).get(name, first, by) as { value: number }).value
  }

  transaction<T>(work: () => T): T {
    return this.db.transaction(work)()
  }

  close(): void {
    this.db.close()
  }
}

/** A world at one moment, each kind of object as JSON. */
export type Snapshot = { kinds: ReadonlyMap<string, string>; counters: ReadonlyMap<string, number> }

/** No file: the tables hold the objects themselves, and what is written is gone with the process. */
export class MemoryStore implements Store {
  private readonly counters: Map<string, number>

  constructor(private readonly from?: Snapshot) {
    this.counters = new Map(from?.counters)
  }

  load(kind: string): unknown[] {
    return JSON.parse(this.from?.kinds.get(kind) ?? '[]')
  }

  put(): void {}

  delete(): void {}

  counter(name: string): number {
    return this.counters.get(name) ?? 0
  }

  count(name: string, by: number, first: number): number {
    const known = this.counters.get(name)
    const value = known === undefined ? first : known + by
    this.counters.set(name, value)
    return value
  }

  transaction<T>(work: () => T): T {
    return work()
  }

  /** What the world is now, whose tables hold `rows`. */
  snapshot(rows: ReadonlyMap<string, readonly object[]>): Snapshot {
    const kinds = new Map(this.from?.kinds)
    for (const [kind, all] of rows) kinds.set(kind, JSON.stringify(all))
    return { kinds, counters: new Map(this.counters) }
  }

  close(): void {}
}
