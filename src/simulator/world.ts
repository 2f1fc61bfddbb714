import { Database } from 'bun:sqlite'
import type { MovableClock } from '../clock'

export type WorldOptions = {
  clock: MovableClock
  /** How much faster than real clouds things happen: 1 is realistic. */
  speed?: number
  /** Where the world is kept between starts; in memory when absent. */
  file?: string
  /** What another world was, as its `snapshot` gave it; instead of a file. */
  snapshot?: Uint8Array
  /** Seed of the world's chance, so that a story can be told again. */
  seed?: number
}

type Row = { id: string }

/** The counter of the milliseconds by which the clock was moved. */
const CLOCK_SHIFT = 'clock_shift_ms'

/** Everything the simulated clouds hold: tables of plain objects, written through to one SQLite file. */
export class World {
  readonly clock: MovableClock
  readonly speed: number
  private readonly db: Database
  private readonly tables = new Map<string, Table<Row>>()
  private seed: number

  constructor(options: WorldOptions) {
    this.clock = options.clock
    this.speed = options.speed ?? 1
    this.seed = (options.seed ?? 1) >>> 0
    this.db = options.snapshot
      ? Database.deserialize(options.snapshot)
      : new Database(options.file ?? ':memory:', { create: true })
    // A simulated cloud need not survive a power cut, only a killed process: WAL without fsync is enough.
    this.db.exec('PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; PRAGMA busy_timeout=5000')
    this.db.exec(
      `CREATE TABLE IF NOT EXISTS objects (kind TEXT, id TEXT, body TEXT, PRIMARY KEY (kind, id)) WITHOUT ROWID;
       CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, value INTEGER)`,
    )
    const shift = this.db.query('SELECT value FROM counters WHERE name = ?1').get(CLOCK_SHIFT)
    if (shift) this.clock.advance((shift as { value: number }).value)
  }

  now(): number {
    return this.clock.now()
  }

  /** Moves the time forward by `ms`, for this start and for those that find the same file. */
  advance(ms: number): void {
    this.db
      .query('INSERT INTO counters VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = value + ?2')
      .run(CLOCK_SHIFT, ms)
    this.clock.advance(ms)
  }

  /** How long something takes here that takes `realMs` at the real cloud. */
  lasts(realMs: number): number {
    return realMs / this.speed
  }

  /** A number in [0, 1) that depends on the seed and on how often it was asked (mulberry32). */
  random(): number {
    this.seed = (this.seed + 0x6d2b79f5) >>> 0
    let t = this.seed
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }

  /** The next number of a series, never given twice even across restarts. */
  nextNumber(name: string, first = 1): number {
    const row = this.db
      .query(
        'INSERT INTO counters VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = value + 1 RETURNING value',
      )
      .get(name, first) as { value: number }
    return row.value
  }

  /** Writes what `work` puts into tables as one, so that a killed process leaves all of it or nothing. */
  transaction<T>(work: () => T): T {
    return this.db.transaction(work)()
  }

  table<T extends Row>(kind: string): Table<T> {
    const known = this.tables.get(kind) ?? new Table<Row>(this.db, kind)
    this.tables.set(kind, known)
    return known as unknown as Table<T>
  }

  /** All that this world holds, from which another can begin. */
  snapshot(): Uint8Array {
    return this.db.serialize()
  }

  close(): void {
    this.db.close()
  }
}

/** One kind of object, held in memory and written through. Change an object by putting it again. */
export class Table<T extends Row> {
  private readonly rows = new Map<string, T>()
  private readonly watchers: ((row: T) => void)[] = []

  constructor(
    private readonly db: Database,
    private readonly kind: string,
  ) {
    const stored = db.query('SELECT body FROM objects WHERE kind = ?1').all(kind) as { body: string }[]
    for (const { body } of stored) {
      const row = JSON.parse(body) as T
      this.rows.set(row.id, row)
    }
  }

  get size(): number {
    return this.rows.size
  }

  get(id: string): T | undefined {
    return this.rows.get(id)
  }

  all(): T[] {
    return [...this.rows.values()]
  }

  find(test: (row: T) => boolean): T | undefined {
    for (const row of this.rows.values()) if (test(row)) return row
    return undefined
  }

  put(row: T): T {
    this.rows.set(row.id, row)
    this.db
      .query('INSERT OR REPLACE INTO objects VALUES (?1, ?2, ?3)')
      .run(this.kind, row.id, JSON.stringify(row))
    for (const watcher of this.watchers) watcher(row)
    return row
  }

  /** Tells of every row that there is, and of each that is put from now on. */
  watch(watcher: (row: T) => void): void {
    for (const row of this.rows.values()) watcher(row)
    this.watchers.push(watcher)
  }

  delete(id: string): boolean {
    this.db.query('DELETE FROM objects WHERE kind = ?1 AND id = ?2').run(this.kind, id)
    return this.rows.delete(id)
  }
}
