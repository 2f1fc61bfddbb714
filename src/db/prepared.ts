import { and, eq, getTableColumns, type SQL, sql } from 'drizzle-orm'
import type { SQLiteTable } from 'drizzle-orm/sqlite-core'
import type { Reader, Tx } from './open'

/**
 * A query that is asked all the time. Its text is built and compiled once a connection, which takes fifty times as long
 * as to ask it; what changes stands in `sql.placeholder`s.
 */
export function prepared<Query, From extends Reader = Reader>(
  build: (db: From) => Query,
): (db: From) => Query {
  const built = new WeakMap<object, Query>()
  return (db) => {
    const query = built.get(sessionOf(db)) ?? build(db)
    built.set(sessionOf(db), query)
    return query
  }
}

/** Reads the row of a table in which these columns have the given values; undefined when there is none. */
export function reading<Table extends SQLiteTable, Key extends string & keyof Table['$inferSelect']>(
  table: Table,
  ...keys: Key[]
): (db: Reader, where: Pick<Table['$inferSelect'], Key>) => Table['$inferSelect'] | undefined {
  const columns = getTableColumns(table)
  const isMeant = and(...keys.map((key) => eq(columns[key]!, sql.placeholder(key))))
  const read = prepared((db) =>
    db
      .select()
      .from(table as SQLiteTable)
      .where(isMeant)
      .limit(1)
      .prepare(),
  )
  return (db, where) => read(db).get(where)
}

type Row = Record<string, unknown>
type Write = { run(values: Row): unknown }

/** Inserts a row into a table; the text is built once for each choice of columns. */
export function inserting<Table extends SQLiteTable>(
  table: Table,
  when: 'always' | 'unless there' = 'always',
): (tx: Tx, row: Table['$inferInsert']) => void {
  const write = eachShape((tx, columns) => {
    const insert = tx.insert(table).values(placeholders(columns) as Table['$inferInsert'])
    return when === 'always' ? insert.prepare() : insert.onConflictDoNothing().prepare()
  })
  return (tx, row) => write(tx, row)
}

/**
 * Inserts a row, or makes the one with the same key equal to it in all but what it `keeps`; built once for each
 * choice of columns.
 */
export function putting<Table extends SQLiteTable>(
  table: Table,
  key: string & keyof Table['$inferSelect'],
  keeps: readonly (string & keyof Table['$inferSelect'])[] = [],
): (tx: Tx, row: Table['$inferInsert']) => void {
  const target = getTableColumns(table)[key]!
  const write = eachShape((tx, columns) =>
    tx
      .insert(table)
      .values(placeholders(columns) as Table['$inferInsert'])
      .onConflictDoUpdate({ target, set: placeholders(columns.filter((name) => !keeps.includes(name))) })
      .prepare(),
  )
  return (tx, row) => write(tx, row)
}

/** Changes the rows of a table in which these columns have the given values; built once for each choice of columns. */
export function updating<Table extends SQLiteTable, Key extends string & keyof Table['$inferSelect']>(
  table: Table,
  ...keys: Key[]
): (tx: Tx, where: Pick<Table['$inferSelect'], Key>, change: Partial<Table['$inferInsert']>) => void {
  const columns = getTableColumns(table)
  const isMeant = and(...keys.map((key) => eq(columns[key]!, sql.placeholder(`where ${key}`))))
  const write = eachShape((tx, names) => tx.update(table).set(placeholders(names)).where(isMeant).prepare())
  return (tx, where, change) => {
    const values = keys.map((key) => [`where ${key}`, where[key]])
    write(tx, change, Object.fromEntries(values))
  }
}

/** A write that is built once for each choice of columns that a row gives. */
function eachShape(build: (tx: Tx, columns: string[]) => Write) {
  const built = new WeakMap<object, Map<string, Write>>()
  return (tx: Tx, row: Row, more: Row = {}) => {
    const session = sessionOf(tx)
    const shapes = built.get(session) ?? new Map<string, Write>()
    built.set(session, shapes)
    const columns = Object.keys(row).filter((name) => row[name] !== undefined)
    const shape = columns.join()
    const write = shapes.get(shape) ?? build(tx, columns)
    shapes.set(shape, write)
    write.run({ ...row, ...more })
  }
}

function placeholders(columns: readonly string[]): Record<string, SQL> {
  return Object.fromEntries(columns.map((name) => [name, sql.placeholder(name) as unknown as SQL]))
}

/** Every transaction is an object of its own; what it shares with its connection is the session. */
function sessionOf(db: object): object {
  return (db as { session: object }).session
}
