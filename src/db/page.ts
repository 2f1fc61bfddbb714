import { type AnyColumn, asc, desc, type SQL } from 'drizzle-orm'

/** Which part of a list is wanted: `number` starts at 1. */
export type PageWanted = { number: number; size: number }

/** A part of a list and where it is in the whole. */
export type Page<Row> = { rows: Row[]; number: number; size: number; total: number }

export const PAGE_SIZE = 50

/** By what a list is sorted, and which way. */
export type Order<Sort extends string> = { sort: Sort; dir: 'asc' | 'desc' }

/** What a list can be sorted by, under the names that addresses use. */
export type Sorts<Sort extends string> = Record<Sort, AnyColumn | SQL>

/** A list's order as SQL: equal rows are told apart by their id, so that none is on two pages. */
export function inOrder<Sort extends string>(
  sorts: Sorts<Sort>,
  { sort, dir }: Order<Sort>,
  id: AnyColumn,
): [SQL, SQL] {
  const direction = dir === 'asc' ? asc : desc
  return [direction(sorts[sort]), direction(id)]
}

/** A search text as a LIKE pattern in which `%` and `_` mean themselves (escape character `\`). */
export function containing(text: string): string {
  return `%${text.replace(/[\\%_]/g, (char) => `\\${char}`)}%`
}
