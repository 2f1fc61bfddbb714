import type { Table } from '../world'

/** Finds the rows of a table that belong to something without looking at the others, oldest first. */
export class Owned<T extends { id: string }> {
  private readonly ids = new Map<string, Set<string>>()

  constructor(
    private readonly table: Table<T>,
    ownerOf: (row: T) => string,
  ) {
    table.watch((row) => {
      const owner = ownerOf(row)
      const known = this.ids.get(owner)
      if (known) known.add(row.id)
      else this.ids.set(owner, new Set([row.id]))
    })
  }

  of(owner: string): T[] {
    return [...(this.ids.get(owner) ?? [])].flatMap((id) => this.table.get(id) ?? [])
  }
}
