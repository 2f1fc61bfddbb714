import { Database } from 'bun:sqlite'
import { describe, expect, test } from 'bun:test'
import { is } from 'drizzle-orm'
import { getTableConfig, SQLiteTable } from 'drizzle-orm/sqlite-core'
import { migrate } from '../../src/db/migrate'
import * as schema from '../../src/db/schema'
import { SIGNUP_TRANSITIONS } from '../../src/signups/status'
import { TENANT_TRANSITIONS } from '../../src/tenants/status'

const sqlite = new Database(':memory:')
migrate(sqlite, 0)

type Column = { name: string; type: string; notnull: number; dflt_value: string | null; pk: number }

const tables = Object.values<unknown>(schema).filter((value): value is SQLiteTable => is(value, SQLiteTable))
const declared = tables.map((table) => getTableConfig(table))
const columnsOf = (table: string) => sqlite.query(`PRAGMA table_info(${table})`).all() as Column[]
const sqlOf = (table: string) =>
  (
    sqlite.query("SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?").get(table) as {
      sql: string
    }
  ).sql

test('the schema names every table of the migrations, and no other', () => {
  const rows = sqlite
    .query(
      "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> 'migrations'",
    )
    .all() as { name: string }[]
  expect(declared.map(({ name }) => name).sort()).toEqual(rows.map(({ name }) => name).sort())
})

describe.each(declared.map((table) => [table.name, table] as const))('%s', (name, table) => {
  test('has the same columns, types, nullability, defaults and key', () => {
    const keys = new Set([
      ...table.columns.filter((column) => column.primary).map((column) => column.name),
      ...table.primaryKeys.flatMap((key) => key.columns.map((column) => column.name)),
    ])
    const ours = table.columns.map((column) => ({
      name: column.name,
      type: column.getSQLType().toUpperCase(),
      isRequired: column.notNull || keys.has(column.name),
      default: column.default === undefined ? null : literal(column.default),
      isKey: keys.has(column.name),
    }))
    const theirs = columnsOf(name).map((column) => ({
      name: column.name,
      type: column.type,
      isRequired: column.notnull === 1 || column.pk > 0,
      default: column.dflt_value,
      isKey: column.pk > 0,
    }))
    expect(ours).toEqual(theirs)
  })

  test('is strict, so that SQLite refuses text in a number’s place', () => {
    expect(sqlOf(name)).toMatch(/\) STRICT(, WITHOUT ROWID)?$/)
  })

  test('checks exactly the words that the code knows', () => {
    const checked = Object.fromEntries(
      [...sqlOf(name).matchAll(/(\w+) TEXT[^,]*? CHECK \(\1 IN \(([^)]+)\)\)/g)].map(([, column, words]) => [
        column,
        words?.split(', ').map((word) => word.slice(1, -1)),
      ]),
    )
    const known = Object.fromEntries(
      table.columns.flatMap((column) =>
        column.enumValues?.length ? [[column.name, [...column.enumValues]]] : [],
      ),
    )
    expect(checked).toEqual(known)
  })
})

test('the keys that lead to other tables are declared', () => {
  const leading = declared.flatMap(({ name }) =>
    (sqlite.query(`PRAGMA foreign_key_list(${name})`).all() as { from: string; table: string }[]).map(
      ({ from, table }) => `${name}.${from} > ${table}`,
    ),
  )
  for (const needed of [
    'tenants.organization_id > organizations',
    'runs.tenant_id > tenants',
    'sessions.user_id > users',
  ])
    expect(leading).toContain(needed)
  expect(sqlite.query('PRAGMA foreign_key_check').all()).toEqual([])
})

const MACHINES = [
  ['signups', SIGNUP_TRANSITIONS],
  ['tenants', TENANT_TRANSITIONS],
] as const

describe.each(MACHINES)('the transitions of %s', (table, transitions: Record<string, readonly string[]>) => {
  const statuses = Object.keys(transitions)
  const pairs = statuses.flatMap((from) =>
    statuses.filter((to) => to !== from).map((to) => [from, to] as const),
  )

  test('name exactly the statuses that the table knows', () => {
    const column = declared.find(({ name }) => name === table)?.columns.find(({ name }) => name === 'status')
    expect([...statuses].sort()).toEqual([...(column?.enumValues ?? [])].sort())
  })

  test.each(pairs)('%s > %s is allowed by the database as by the code', (from, to) => {
    sqlite.exec('BEGIN')
    sqlite.exec('PRAGMA defer_foreign_keys = ON')
    fill(table, from)
    const move = () => sqlite.run(`UPDATE ${table} SET status = ?`, [to])
    if (transitions[from]?.includes(to)) expect(move).not.toThrow()
    else expect(move).toThrow('transition not allowed')
    sqlite.exec('ROLLBACK')
  })
})

/** One row with something in every required column. */
function fill(table: string, status: string): void {
  const required = columnsOf(table).filter((column) => column.notnull === 1 || column.pk > 0)
  const values = required.map((column) => {
    if (column.name === 'status') return status
    return column.type === 'INTEGER' ? 0 : column.type === 'BLOB' ? new Uint8Array(1) : 'x'
  })
  const names = required.map(({ name }) => name).join(', ')
  sqlite.run(`INSERT INTO ${table} (${names}) VALUES (${values.map(() => '?').join(', ')})`, values)
}

function literal(value: unknown): string {
  return typeof value === 'string' ? `'${value}'` : String(Number(value))
}
