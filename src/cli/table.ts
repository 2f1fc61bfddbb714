import type { Output } from './output'

/** Prints rows in columns that line up, under their titles. */
export function printTable(io: Output, titles: string[], rows: string[][]): void {
  const widths = titles.map((title, at) =>
    Math.max(title.length, ...rows.map((row) => [...(row[at] ?? '')].length)),
  )
  for (const row of [titles, ...rows]) {
    io.out(
      row
        .map((cell, at) => cell.padEnd(widths[at] ?? 0))
        .join('  ')
        .trimEnd(),
    )
  }
}

/** Prints names with their values, one a line. */
export function printFacts(io: Output, facts: [name: string, value: string | null][]): void {
  const width = Math.max(...facts.map(([name]) => name.length))
  for (const [name, value] of facts) if (value) io.out(`${name.padEnd(width)}  ${value}`)
}

/** A time as people of all zones read it; empty when there is none. */
export function timeText(atMs: number | null): string {
  return atMs === null ? '' : `${new Date(atMs).toISOString().slice(0, 16).replace('T', ' ')} UTC`
}
