import { availableParallelism } from 'node:os'
import { openShop } from '../crashtest/bases'
import { type Progress, progressOf, shareOut } from '../crashtest/crew'
import { play } from '../crashtest/play'
import { type Found, type Row, sum, type Task, type Wrong, wordsOf } from '../crashtest/row'
import { ROWS } from '../crashtest/rows'
import { shrink } from '../crashtest/shrink'
import type { Output } from './output'

const SHOWN_MAX = 5
const SAID_EVERY_MS = 30_000
/** After so many stories a process says how far it is. */
const TOLD_EVERY = 50

/** What somebody wants of the rows. */
export type RowsAsked = {
  row: readonly string[]
  kind: readonly string[]
  seed?: number
  seeds?: number
  pairs: number
  json: boolean
  /** Which part of a row this process does for another. */
  share?: string
}

/** Does one process's share of a row; its last line is what it found. */
export async function doShare(asked: RowsAsked, io: Output): Promise<number> {
  const [part = 0, of = 1] = (asked.share ?? '').split('/').map(Number)
  const [row] = rowsOf(asked)
  if (!row) throw new Error('A share is of a row.')
  const { seed = 1, seeds = row.seeds ?? 0, kind: kinds, pairs: everyPair } = asked
  const onStory = (found: Found) => {
    if (found.tried % TOLD_EVERY === 0) io.out(progressOf(found))
  }
  const task: Task = { shop: await openShop(), part, of, seed, seeds, kinds, everyPair, onStory }
  io.out(JSON.stringify(await row.run(task)))
  return 0
}

/** Does the rows that are wanted, one after the other and each on all cores; 1 when any does not pass. */
export async function doRows(asked: RowsAsked, args: readonly string[], io: Output): Promise<number> {
  let failed = 0
  for (const row of rowsOf(asked)) if (!(await passes(row, asked, args, io))) failed++
  return failed === 0 ? 0 : 1
}

function rowsOf({ row, kind, seeds }: RowsAsked): readonly Row[] {
  const wanted = row.length > 0 ? row : seeds !== undefined ? ['A3'] : kind.length > 0 ? ['A1'] : []
  return wanted.length > 0 ? ROWS.filter(({ name }) => wanted.includes(name)) : ROWS
}

async function passes(row: Row, asked: RowsAsked, args: readonly string[], io: Output): Promise<boolean> {
  const startedAt = performance.now()
  const rowArgs = [...withoutRows(args), '--row', row.name]
  const found = sum(await shareOut(rowArgs, availableParallelism(), tellerOf(row.name, io)))
  const minutes = (performance.now() - startedAt) / 60_000
  const lack = found.tried === 0 ? 'nothing was tried' : (row.lacks?.(found, minutes) ?? null)
  const verdict = found.wrong.length > 0 ? 'fail' : lack ? 'short' : 'pass'
  if (asked.json) io.out(JSON.stringify({ row: row.name, verdict, minutes, lack, ...found }))
  else {
    const says = `${verdict} (${wordsOf(row, { kinds: asked.kind, everyPair: asked.pairs })})`
    for (const line of linesOf(row.name, found, minutes, says)) io.out(line)
    if (lack) io.out(`   ${lack}`)
    for (const wrong of found.wrong.slice(0, SHOWN_MAX)) for (const line of await explain(wrong)) io.out(line)
  }
  return verdict === 'pass'
}

/** Says now and then how far a row is, beside what was asked for. */
function tellerOf(name: string, io: Output): (progress: Progress) => void {
  let saidAt = performance.now()
  return ({ tried, wrong }) => {
    if (performance.now() - saidAt < SAID_EVERY_MS) return
    saidAt = performance.now()
    io.err(`${name}: ${tried} stories so far, ${wrong} of them wrong`)
  }
}

/** The options of the rows' own processes. */
function withoutRows(args: readonly string[]): string[] {
  return args.filter((arg, index) => arg !== '--json' && arg !== '--row' && args[index - 1] !== '--row')
}

/** The row in a line, and below it the figures whose names are words. */
function linesOf(name: string, { tried, figures, wrong }: Found, minutes: number, says: string): string[] {
  const isInWords = ([name]: [string, number]) => name.includes(' ')
  const all = Object.entries(figures)
  const words = [
    `stories=${tried}`,
    `stories_per_minute=${Math.round(tried / minutes)}`,
    ...all.filter((one) => !isInWords(one)).map(([name, number]) => `${name}=${number}`),
    `wrong=${wrong.length}`,
    `minutes=${minutes.toFixed(1)}`,
  ]
  const further = all.filter(isInWords).map(([name, number]) => `   ${name}: ${number}`)
  return [`${name} ${words.join(' ')} ${says}`, ...further]
}

/** What went wrong, and the shortest story that brings it back. */
async function explain({ where, what, story }: Wrong): Promise<string[]> {
  const told = [`   ${where}: ${what.join(' ')}`]
  // A trial goes on from where another story ended, so that its own says too little.
  if (!story || !where.startsWith('seed')) return told
  const shop = await openShop()
  const shortest = await shrink(shop, await play(shop, story))
  return [...told, `   the shortest story: atlas crashtest --story '${JSON.stringify(shortest.story)}'`]
}
