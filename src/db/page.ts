/** Which part of a list is wanted: `number` starts at 1. */
export type PageWanted = { number: number; size: number }

/** A part of a list and where it is in the whole. */
export type Page<Row> = { rows: Row[]; number: number; size: number; total: number }

export const PAGE_SIZE = 50

/** A search text as a LIKE pattern in which `%` and `_` mean themselves (escape character `\`). */
export function containing(text: string): string {
  return `%${text.replace(/[\\%_]/g, (char) => `\\${char}`)}%`
}
