import { getTableColumns, sql } from 'drizzle-orm'
import type { SQLiteTable } from 'drizzle-orm/sqlite-core'
import type { Tx } from '../../db/open'

type Statement = { run(row: Record<string, unknown>): void }

/**
 * Writes whole rows in one transaction, with one prepared statement a table: to build each insert anew would take ten
 * times as long.
 */
export class Pen {
  private readonly statements = new Map<SQLiteTable, Statement>()

  constructor(private readonly tx: Tx) {}

  write<T extends SQLiteTable>(table: T, ...rows: T['$inferSelect'][]): void {
    const statement = this.statements.get(table) ?? this.prepare(table)
    this.statements.set(table, statement)
    for (const row of rows) statement.run(row)
  }

  private prepare<T extends SQLiteTable>(table: T): Statement {
    const columns = Object.keys(getTableColumns(table))
    const values = Object.fromEntries(columns.map((name) => [name, sql.placeholder(name)]))
    return this.tx
      .insert(table)
      .values(values as T['$inferInsert'])
      .prepare()
  }
}
