/** `bun run bench [ROW...]`: the measured rows of the bar, one line each; without names all of them. */
import { machineFacts } from './machine.ts'

/** What a row came to: its figures as `name=value`, and whether they reach the bar. */
export type Result = { line: string; pass: boolean }

type Row = () => Promise<{ measure: () => Promise<Result> }>

/** A row is a file of its own that exports `measure`. */
const rows: Record<string, Row> = {
  F1: () => import('./f1.ts'),
  F3: () => import('./f3.ts'),
  F5: () => import('./f5.ts'),
}

/** Measures these rows, says each result as it comes, and returns the exit code. */
export async function bench(
  names: string[],
  table: Record<string, Row> = rows,
  say: (line: string) => void = console.log,
): Promise<0 | 1 | 2> {
  const wanted = names.length > 0 ? names.map((name) => name.toUpperCase()) : Object.keys(table)
  const unknown = wanted.filter((name) => !Object.hasOwn(table, name))
  if (unknown.length > 0) {
    say(`There is no row ${unknown.join(', ')}. There are: ${Object.keys(table).join(', ')}`)
    return 2
  }
  say(machineFacts())
  let allPass = true
  for (const name of wanted) {
    const { line, pass } = await (await table[name]!()).measure()
    say(`${name} ${line} ${pass ? 'pass' : 'short'}`)
    allPass &&= pass
  }
  return allPass ? 0 : 1
}

if (import.meta.main) process.exitCode = await bench(process.argv.slice(2))
