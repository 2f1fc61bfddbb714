import { Database } from 'bun:sqlite'
import { expect, test } from 'bun:test'
import { MIGRATIONS, migrate } from '../../src/db/migrate'

type Row = Record<string, string | number | null | Uint8Array>

let sqlite: Database

/** A row with something of its own in every column. */
function rowOf(table: string, known: Row): Row {
  const columns = sqlite.query(`PRAGMA table_info(${table})`).all() as { name: string; type: string }[]
  const made = columns.map(({ name, type }) => [name, type === 'INTEGER' ? name.length : `its ${name}`])
  return { ...Object.fromEntries(made), ...known }
}

function insert(table: string, row: Row): void {
  const places = Object.keys(row).map(() => '?')
  sqlite.run(`INSERT INTO ${table} (${Object.keys(row)}) VALUES (${places})`, Object.values(row))
}

const indexes = () =>
  sqlite
    .query(
      "SELECT name, sql FROM sqlite_schema WHERE tbl_name = 'backups' AND type = 'index' AND sql IS NOT NULL ORDER BY name",
    )
    .all()

test('the third migration keeps every backup as it was, and lets one be made before a deploy', () => {
  sqlite = new Database(':memory:')
  migrate(
    sqlite,
    0,
    MIGRATIONS.filter(({ version }) => version < 3),
  )
  insert(
    'tenants',
    rowOf('tenants', { id: 'ten_1', status: 'active', suspended_for: null, data_key: new Uint8Array(1) }),
  )
  const before = rowOf('backups', {
    tenant_id: 'ten_1',
    run_id: null,
    method: 'app',
    reason: 'before_move',
    status: 'complete',
  })
  insert('backups', before)
  const deploy = { ...before, id: 'other', reason: 'before_deploy' }
  expect(() => insert('backups', deploy)).toThrow('CHECK')
  const indexed = indexes()
  sqlite.exec('PRAGMA foreign_keys=ON')
  expect(
    migrate(
      sqlite,
      1,
      MIGRATIONS.filter(({ version }) => version < 4),
    ),
  ).toEqual([3])
  expect(sqlite.query('SELECT * FROM backups').all()).toEqual([before])
  expect(indexes()).toEqual(indexed)
  insert('backups', deploy)
  expect(() => insert('backups', { ...deploy, id: 'third', reason: 'for_fun' })).toThrow('CHECK')
  expect(() => insert('backups', { ...deploy, id: 'third', tenant_id: 'nobody' })).toThrow('FOREIGN KEY')
  sqlite.close()
})
