import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { type Db, openDb } from '../../src/db/open'
import { inserting, prepared, putting, reading, updating } from '../../src/db/prepared'
import { quotas } from '../../src/db/schema'

const insert = inserting(quotas)
const insertNew = inserting(quotas, 'unless there')
const put = putting(quotas, 'name')
const putButKeep = putting(quotas, 'name', ['checkedAt'])
const change = updating(quotas, 'name')
const read = reading(quotas, 'name', 'used')
const all = prepared((db) => db.select().from(quotas).prepare())

const row = { name: 'servers', used: 1, capacity: 10, checkedAt: 1_000 } as const

let db: Db
beforeEach(() => {
  db = openDb(':memory:', 1_000)
})
afterEach(() => db.close())

describe('a write that is built once', () => {
  test('leaves what it is not given as it is, and writes null where it is given null', () => {
    db.write((tx) => insert(tx, { ...row, warnedAt: 5 }))
    db.write((tx) => change(tx, { name: 'servers' }, { used: 2, capacity: undefined }))
    expect(all(db.read).all()).toMatchObject([{ used: 2, capacity: 10, warnedAt: 5 }])
    db.write((tx) => change(tx, { name: 'servers' }, { warnedAt: null }))
    expect(all(db.read).all()).toMatchObject([{ used: 2, capacity: 10, warnedAt: null }])
  })

  test('changes only the rows that are meant', () => {
    db.write((tx) => insert(tx, row))
    db.write((tx) => insert(tx, { ...row, name: 'addresses' }))
    db.write((tx) => change(tx, { name: 'addresses' }, { used: 7 }))
    expect(
      all(db.read)
        .all()
        .map(({ name, used }) => [name, used]),
    ).toEqual([
      ['servers', 1],
      ['addresses', 7],
    ])
  })

  test('meets a row with the same key as it is told: refused, left alone or made equal', () => {
    db.write((tx) => insert(tx, row))
    expect(() => db.write((tx) => insert(tx, { ...row, used: 2 }))).toThrow('UNIQUE')
    db.write((tx) => insertNew(tx, { ...row, used: 3 }))
    expect(all(db.read).all()).toMatchObject([{ used: 1 }])
    db.write((tx) => put(tx, { ...row, used: 4 }))
    expect(all(db.read).all()).toMatchObject([{ used: 4 }])
  })

  test('keeps what it is told to keep of a row that is there, and writes it into a new one', () => {
    db.write((tx) => putButKeep(tx, row))
    db.write((tx) => putButKeep(tx, { ...row, used: 2, checkedAt: 9_000 }))
    expect(all(db.read).all()).toMatchObject([{ used: 2, checkedAt: 1_000 }])
  })

  test('belongs to its connection', () => {
    const other = openDb(':memory:', 1_000)
    db.write((tx) => insert(tx, row))
    other.write((tx) => insert(tx, { ...row, used: 9 }))
    expect(all(db.read).all()).toMatchObject([{ used: 1 }])
    expect(all(other.read).all()).toMatchObject([{ used: 9 }])
    other.close()
  })
})

test('a read that is built once finds the row with just these values, whichever they are each time', () => {
  db.write((tx) => insert(tx, row))
  expect(read(db.read, { name: 'servers', used: 1 })).toMatchObject({ name: 'servers', capacity: 10 })
  expect(read(db.read, { name: 'servers', used: 2 })).toBeUndefined()
  db.write((tx) => {
    insert(tx, { ...row, name: 'addresses', used: 2 })
    expect(read(tx, { name: 'addresses', used: 2 })).toMatchObject({ name: 'addresses' })
  })
})

describe('a transaction in another', () => {
  test('that breaks takes back its own part alone, when the outer one goes on', () => {
    db.write((tx) => {
      insert(tx, row)
      const inner = () =>
        db.write((within) => {
          insert(within, { ...row, name: 'addresses' })
          throw new Error('broken')
        })
      expect(inner).toThrow('broken')
    })
    expect(all(db.read).all()).toMatchObject([{ name: 'servers' }])
  })

  test('goes with the outer one, and the next one begins anew', () => {
    const outer = () =>
      db.write((tx) => {
        db.write((within) => insert(within, row))
        change(tx, { name: 'servers' }, { used: 2 })
        throw new Error('broken')
      })
    expect(outer).toThrow('broken')
    expect(db.sqlite.inTransaction).toBe(false)
    db.write((tx) => insert(tx, row))
    expect(all(db.read).all()).toHaveLength(1)
  })
})
