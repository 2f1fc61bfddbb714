import { Database } from 'bun:sqlite'
import { closeSync, openSync } from 'node:fs'
import { type BunSQLiteDatabase, drizzle } from 'drizzle-orm/bun-sqlite'
import { migrate, requireCurrent } from './migrate'
import { Statements } from './statements'

type Drizzle = BunSQLiteDatabase

/** A transaction in progress: it reads and writes, and nothing in it may be awaited. */
export type Tx = Parameters<Parameters<Drizzle['transaction']>[0]>[0]

/** What reads: the database itself, or a transaction in progress. */
export type Reader = Pick<Tx, 'select' | 'all' | 'get'>

/**
 * One a connection, with the statements that were compiled on it. It asks a connection for no more than `Statements`
 * has; its relational queries are not used, so it gets no schema.
 */
const connections = new WeakMap<Database, Drizzle>()

/** The control database. */
export class Db {
  private readonly drizzle: Drizzle
  private readonly listeners = new Set<() => void>()

  constructor(readonly sqlite: Database) {
    this.drizzle = connections.get(sqlite) ?? drizzle(new Statements(sqlite) as unknown as Database)
    connections.set(sqlite, this.drizzle)
  }

  /** For reading outside a transaction. */
  get read(): Reader {
    return this.drizzle
  }

  /**
   * Runs `work` in one immediate transaction: all of it is stored, or none. Throws when `work` returns a
   * promise, because under Bun an async transaction commits at its first await.
   */
  write<T>(work: (tx: Tx) => T): T {
    const result = this.writeQuietly(work)
    for (const listener of this.listeners) listener()
    return result
  }

  /** The same, without a word to those who listen for commits: for what no page and no worker waits for. */
  writeQuietly<T>(work: (tx: Tx) => T): T {
    return this.drizzle.transaction(
      (tx) => {
        const value = work(tx)
        if (value instanceof Promise) throw new TypeError('a transaction must not be awaited')
        return value
      },
      { behavior: 'immediate' },
    )
  }

  /** Calls `listener` after every commit of this process, quiet ones left out; the returned function ends it. */
  onCommit(listener: () => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  close(): void {
    this.sqlite.close()
  }
}

/**
 * Opens the control database, creating or migrating it as needed.
 * Throws `conflict` when a newer Atlas has written it.
 */
export function openDb(file: string, nowMs: number): Db {
  // Made by us first: SQLite would let everybody on the machine read it.
  if (file !== ':memory:') closeSync(openSync(file, 'a', 0o600))
  const sqlite = connect(file)
  migrate(sqlite, nowMs)
  return new Db(sqlite)
}

/** Opens a control database that is there and of this Atlas's version. Throws `conflict` when it is of another. */
export function openCurrentDb(file: string): Db {
  const sqlite = connect(file)
  try {
    requireCurrent(sqlite)
    return new Db(sqlite)
  } catch (thrown) {
    sqlite.close()
    throw thrown
  }
}

function connect(file: string): Database {
  const sqlite = new Database(file)
  // bun:sqlite starts with busy_timeout=0 and foreign_keys=0. FULL: an acknowledged write survives a power cut.
  // A cache of 16 MB, because the default of 2 MB holds no fleet of 10,000.
  sqlite.exec(
    'PRAGMA busy_timeout=5000; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA cache_size=-16000',
  )
  return sqlite
}
