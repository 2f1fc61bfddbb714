import { Database } from 'bun:sqlite'
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MIGRATIONS, migrate } from '../../src/db/migrate'
import { type Db, openDb } from '../../src/db/open'
import { counters, members } from '../../src/db/schema'

let folder: string
let file: string
let db: Db
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'atlas-db-'))
  file = join(folder, 'atlas.db')
  db = openDb(file, 1_000)
})
afterEach(() => {
  db.close()
  rmSync(folder, { recursive: true })
})

const put = (tx: Parameters<Parameters<Db['write']>[0]>[0], name: string) =>
  tx.insert(counters).values({ name, value: 1 }).run()
const names = () =>
  db.read
    .select()
    .from(counters)
    .all()
    .map(({ name }) => name)
const pragma = (name: string) => Object.values(db.sqlite.query(`PRAGMA ${name}`).get() as object)[0]

describe('an open database', () => {
  test('waits for others, survives a power cut and holds its keys', () => {
    expect(pragma('journal_mode')).toBe('wal')
    expect(pragma('synchronous')).toBe(2)
    expect(pragma('foreign_keys')).toBe(1)
    expect(pragma('busy_timeout')).toBe(5_000)
    const orphan = { organizationId: 'org_x', userId: 'usr_x', role: 'owner' as const, createdAt: 0 }
    expect(() => db.write((tx) => tx.insert(members).values(orphan).run())).toThrow('FOREIGN KEY')
  })

  test('can be read by its owner only, with what SQLite keeps beside it', () => {
    db.write((tx) => put(tx, 'x'))
    for (const name of [file, `${file}-wal`, `${file}-shm`]) expect(statSync(name).mode & 0o777).toBe(0o600)
  })
})

describe('a write', () => {
  test('is all or nothing', () => {
    const fail = () =>
      db.write((tx) => {
        put(tx, 'first')
        throw new Error('stop')
      })
    expect(fail).toThrow('stop')
    expect(names()).toEqual([])
  })

  test('refuses a promise and takes back what was done before it', () => {
    const later = () =>
      db.write(async (tx) => {
        put(tx, 'before')
        await Promise.resolve()
        put(tx, 'after')
      })
    expect(later).toThrow('must not be awaited')
    expect(names()).toEqual([])
  })

  test('takes the lock at its beginning, so that what it has read stays true', () => {
    const other = new Database(file)
    other.exec('PRAGMA busy_timeout = 0')
    db.write(() => {
      expect(() => other.exec('BEGIN IMMEDIATE')).toThrow('locked')
    })
    other.exec('BEGIN IMMEDIATE; ROLLBACK')
    other.close()
  })

  test('is told to those who listen, once it is stored and as long as they do', () => {
    const heard: string[][] = []
    const stop = db.onCommit(() => heard.push(names()))
    db.write((tx) => put(tx, 'one'))
    expect(() =>
      db.write(() => {
        throw new Error('stop')
      }),
    ).toThrow('stop')
    stop()
    db.write((tx) => put(tx, 'two'))
    expect(heard).toEqual([['one']])
  })
})

describe('migrations', () => {
  const next = (sql: string) => [...MIGRATIONS, { version: MIGRATIONS.length + 1, name: 'next', sql }]
  const versions = () =>
    (db.sqlite.query('SELECT version FROM migrations ORDER BY version').all() as { version: number }[]).map(
      (row) => row.version,
    )

  test('are numbered without a gap and applied once', () => {
    expect(MIGRATIONS.map(({ version }) => version)).toEqual(MIGRATIONS.map((_, at) => at + 1))
    expect(versions()).toEqual(MIGRATIONS.map(({ version }) => version))
    expect(migrate(db.sqlite, 2_000)).toEqual([])
    expect(db.sqlite.query('SELECT DISTINCT applied_at AS at FROM migrations').all()).toEqual([{ at: 1_000 }])
  })

  test('leave nothing when one fails', () => {
    const broken = next(
      'CREATE TABLE half (id TEXT) STRICT; INSERT INTO half VALUES (1); CREATE TABLE users (id TEXT)',
    )
    expect(() => migrate(db.sqlite, 2_000, broken)).toThrow('users already exists')
    expect(versions()).toEqual(MIGRATIONS.map(({ version }) => version))
    expect(db.sqlite.query("SELECT name FROM sqlite_schema WHERE name = 'half'").all()).toEqual([])
    expect(migrate(db.sqlite, 3_000, next('CREATE TABLE half (id TEXT) STRICT'))).toEqual([
      MIGRATIONS.length + 1,
    ])
  })

  test('of a newer Atlas are left alone, and this one says what to do', () => {
    migrate(db.sqlite, 2_000, next('CREATE TABLE future (id TEXT) STRICT'))
    expect(() => openDb(file, 3_000)).toThrow(
      `The database is at version ${MIGRATIONS.length + 1}, and this Atlas knows only up to ${MIGRATIONS.length}. Start the newer Atlas`,
    )
    expect(versions()).toEqual([...MIGRATIONS.map(({ version }) => version), MIGRATIONS.length + 1])
  })

  test('of two processes at once are applied by one of them', () => {
    const other = openDb(file, 2_000)
    const more = next('CREATE TABLE once (id TEXT) STRICT')
    expect([migrate(db.sqlite, 3_000, more), migrate(other.sqlite, 3_000, more)]).toEqual([
      [MIGRATIONS.length + 1],
      [],
    ])
    other.close()
  })
})
