import type { Database, SQLQueryBindings } from 'bun:sqlite'

type Row = SQLQueryBindings[]

/** Every row of every table of a database, from which the same can be made again. */
export type Copy = ReadonlyMap<string, readonly Row[]>

/**
 * One connection that serves one story after the other: to fill its tables anew takes a tenth of the time that a new
 * connection takes, which has to compile every query again.
 */
export class Tables {
  private readonly names: string[]

  constructor(readonly sqlite: Database) {
    const all = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    this.names = sqlite
      .query<{ name: string }, []>(all)
      .all()
      .map(({ name }) => name)
  }

  copy(): Copy {
    return new Map(
      this.names.map((name) => [name, this.sqlite.query(`SELECT * FROM "${name}"`).values() as Row[]]),
    )
  }

  fill(copy: Copy): void {
    // Tables are filled in no particular order.
    this.sqlite.exec('PRAGMA foreign_keys=OFF')
    this.sqlite.transaction(() => {
      for (const name of this.names) {
        this.sqlite.query(`DELETE FROM "${name}"`).run()
        for (const row of copy.get(name) ?? []) this.insert(name, row)
      }
    })()
    this.sqlite.exec('PRAGMA foreign_keys=ON')
  }

  private insert(name: string, row: Row): void {
    this.sqlite.query(`INSERT INTO "${name}" VALUES (${row.map(() => '?').join()})`).run(...row)
  }
}
