import type { MovableClock } from '../clock'
import { FileStore, MemoryStore, type Snapshot, type Store } from './store'

export type WorldOptions = {
  clock: MovableClock
  /** How much faster than real clouds things happen: 1 is realistic. */
  speed?: number
  /** Where the world is kept between starts; in memory when absent. */
  file?: string
  /** What another world was, as its `snapshot` gave it; instead of a file. */
  snapshot?: Snapshot
  /** Seed of the world's chance, so that a story can be told again. */
  seed?: number
}

type Row = { id: string }

/** The counter of the milliseconds by which the clock was moved. */
const CLOCK_SHIFT = 'clock_shift_ms'

/** Everything the simulated clouds hold: tables of plain objects, written through to their store. */
export class World {
  readonly clock: MovableClock
  readonly speed: number
  private readonly store: Store
  private readonly tables = new Map<string, Table<Row>>()
  private seed: number

  constructor(options: WorldOptions) {
    this.clock = options.clock
    this.speed = options.speed ?? 1
    this.seed = (options.seed ?? 1) >>> 0
    this.store = options.file ? new FileStore(options.file) : new MemoryStore(options.snapshot)
    const shift = this.store.counter(CLOCK_SHIFT)
    if (shift > 0) this.clock.advance(shift)
  }

  now(): number {
    return this.clock.now()
  }

  /** Moves the time forward by `ms`, for this start and for those that find the same file. */
  advance(ms: number): void {
    this.store.count(CLOCK_SHIFT, ms, ms)
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
    return this.store.count(name, 1, first)
  }

  /** Writes what `work` puts into tables as one, so that a killed process leaves all of it or nothing. */
  transaction<T>(work: () => T): T {
    return this.store.transaction(work)
  }

  table<T extends Row>(kind: string): Table<T> {
    const known = this.tables.get(kind) ?? new Table<Row>(this.store, kind)
    this.tables.set(kind, known)
    return known as unknown as Table<T>
  }

  /** All that this world holds, from which another can begin. Throws when it is kept in a file. */
  snapshot(): Snapshot {
    if (!(this.store instanceof MemoryStore)) throw new TypeError('This world is kept in a file.')
    return this.store.snapshot(new Map([...this.tables].map(([kind, table]) => [kind, table.all()])))
  }

  close(): void {
    this.store.close()
  }
}

/** One kind of object, held in memory and written through. Change an object by putting it again. */
export class Table<T extends Row> {
  /** How often anything in it was put or deleted: who has seen this version has seen all. */
  version = 0
  private readonly rows = new Map<string, T>()
  private readonly watchers: ((row: T) => void)[] = []

  constructor(
    private readonly store: Store,
    private readonly kind: string,
  ) {
    for (const row of store.load(kind) as T[]) this.rows.set(row.id, row)
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
    this.version++
    this.rows.set(row.id, row)
    this.store.put(this.kind, row.id, row)
    for (const watcher of this.watchers) watcher(row)
    return row
  }

  /** Tells of every row that there is, and of each that is put from now on. */
  watch(watcher: (row: T) => void): void {
    for (const row of this.rows.values()) watcher(row)
    this.watchers.push(watcher)
  }

  delete(id: string): boolean {
    this.version++
    this.store.delete(this.kind, id)
    return this.rows.delete(id)
  }
}
