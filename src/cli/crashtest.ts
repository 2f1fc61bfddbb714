import { existsSync, readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import type { Progress } from '../crashtest/crew'
import type { Ending } from '../crashtest/play'
import type { Found, Row, Task, Wrong } from '../crashtest/row'
import type { Shop } from '../crashtest/shop'
import { asAtlasError } from '../errors'
import type { Output } from './output'

const USAGE =
  'Usage: atlas crashtest [--row ROW] [--seeds N] [--seed S] [--kind KIND] [--pairs N] [--story JSON|FILE] [--json]'
const SHOWN_MAX = 5
const SAID_EVERY_MS = 30_000
/** After so many stories a process says how far it is. */
const TOLD_EVERY = 50

const OPTIONS = {
  row: { type: 'string', multiple: true, default: [] as string[] },
  seeds: { type: 'string' },
  seed: { type: 'string' },
  kind: { type: 'string', multiple: true, default: [] as string[] },
  // Of how many pairs of crashes one is tried; 0 tries none.
  pairs: { type: 'string', default: '1' },
  story: { type: 'string' },
  json: { type: 'boolean', default: false },
  // Which part of a row this process does for another.
  share: { type: 'string' },
} as const

type Asked = ReturnType<typeof read>

/**
 * `atlas crashtest`: lives of the whole system in simulated time. Without options every row of the bar that needs no
 * second process; with `--seed` or `--story` one life, told line by line. 1 when anything breaks, 2 when called wrongly.
 */
export async function crashtest(args: string[], io: Output): Promise<number> {
  let asked: Asked
  try {
    asked = read(args)
    await refuseUnknown(asked)
  } catch (thrown) {
    io.err(`${thrown instanceof Error ? thrown.message : thrown}\n${USAGE}`)
    return 2
  }
  try {
    if (asked.share) return await doShare(asked, io)
    if (isOneLife(asked)) return await tellOne(asked, io)
    return await doRows(asked, args, io)
  } catch (thrown) {
    io.err(
      asAtlasError(thrown).code === 'internal'
        ? String(thrown instanceof Error ? thrown.stack : thrown)
        : asAtlasError(thrown).message,
    )
    return 1
  }
}

function read(args: string[]) {
  const { values } = parseArgs({ args, options: OPTIONS })
  return {
    ...values,
    seeds: wholeNumber('seeds', values.seeds),
    seed: wholeNumber('seed', values.seed),
    pairs: wholeNumber('pairs', values.pairs) ?? 1,
  }
}

function wholeNumber(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  if (!/^\d{1,9}$/.test(text)) throw new TypeError(`--${name} takes a whole number.`)
  return Number(text)
}

/** A misspelled row or kind would try nothing, and nothing can't fail. */
async function refuseUnknown({ row, kind }: Asked): Promise<void> {
  if (row.length + kind.length === 0) return
  const [{ ROWS }, { KINDS }] = await Promise.all([import('../crashtest/rows'), import('../crashtest/kinds')])
  requireKnown('row', row, ROWS)
  requireKnown('kind', kind, KINDS)
}

function requireKnown(what: string, asked: string[], known: readonly { name: string }[]): void {
  const names = known.map(({ name }) => name)
  const unknown = asked.filter((name) => !names.includes(name))
  if (unknown.length === 0) return
  throw new TypeError(`There is no ${what} ${unknown.join(', ')}, only ${names.join(', ')}.`)
}

function isOneLife({ story, seed, seeds, row, kind }: Asked): boolean {
  return story !== undefined || (seed !== undefined && seeds === undefined && row.length + kind.length === 0)
}

/** The simulated clouds and what is the same for every story; they come into memory only here. */
async function openShop(): Promise<Shop> {
  const bases = await import('../crashtest/bases')
  return bases.openShop()
}

async function tellOne({ story, seed, json }: Asked, io: Output): Promise<number> {
  const [{ play }, { readStory }, { writeStory }] = await Promise.all([
    import('../crashtest/play'),
    import('../crashtest/story'),
    import('../crashtest/write-story'),
  ])
  const told =
    story === undefined
      ? writeStory(seed ?? 0)
      : readStory(existsSync(story) ? readFileSync(story, 'utf8') : story)
  const ending = await play(await openShop(), told)
  if (json) io.out(JSON.stringify(ending))
  else for (const line of lines(ending)) io.out(line)
  return ending.wrong.length === 0 ? 0 : 1
}

function lines({ trace, wrong, hash, story }: Ending): string[] {
  return [
    ...trace,
    '',
    ...wrong,
    `story ${JSON.stringify(story)}`,
    `trace ${hash} ${wrong.length === 0 ? 'pass' : 'fail'}`,
  ]
}

async function rowsOf({ row, kind, seeds }: Asked): Promise<readonly Row[]> {
  const { ROWS } = await import('../crashtest/rows')
  const wanted = row.length > 0 ? row : seeds !== undefined ? ['A3'] : kind.length > 0 ? ['A1'] : []
  return wanted.length > 0 ? ROWS.filter(({ name }) => wanted.includes(name)) : ROWS
}

async function doShare(asked: Asked, io: Output): Promise<number> {
  const [part = 0, of = 1] = (asked.share ?? '').split('/').map(Number)
  const [row] = await rowsOf(asked)
  if (!row) throw new Error('A share is of a row.')
  const { seed = 1, seeds = row.seeds ?? 0, kind: kinds, pairs: everyPair } = asked
  const { progressOf } = await import('../crashtest/crew')
  const onStory = (found: Found) => {
    if (found.tried % TOLD_EVERY === 0) io.out(progressOf(found))
  }
  const task: Task = { shop: await openShop(), part, of, seed, seeds, kinds, everyPair, onStory }
  io.out(JSON.stringify(await row.run(task)))
  return 0
}

async function doRows(asked: Asked, args: string[], io: Output): Promise<number> {
  const [{ shareOut }, { sum, wordsOf }] = await Promise.all([
    import('../crashtest/crew'),
    import('../crashtest/row'),
  ])
  let failed = 0
  for (const row of await rowsOf(asked)) {
    const startedAt = performance.now()
    const rowArgs = [...withoutRows(args), '--row', row.name]
    const found = sum(await shareOut(rowArgs, availableParallelism(), tellerOf(row.name, io)))
    const minutes = (performance.now() - startedAt) / 60_000
    const lack = found.tried === 0 ? 'nothing was tried' : (row.lacks?.(found, minutes) ?? null)
    const verdict = found.wrong.length > 0 ? 'fail' : lack ? 'short' : 'pass'
    const says = `${verdict} (${wordsOf(row, { kinds: asked.kind, everyPair: asked.pairs })})`
    if (verdict !== 'pass') failed++
    if (asked.json) io.out(JSON.stringify({ row: row.name, verdict, minutes, lack, ...found }))
    else for (const line of linesOf(row.name, found, minutes, says)) io.out(line)
    if (lack && !asked.json) io.out(`   ${lack}`)
    for (const wrong of asked.json ? [] : found.wrong.slice(0, SHOWN_MAX))
      for (const line of await explain(wrong)) io.out(line)
  }
  return failed === 0 ? 0 : 1
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
function withoutRows(args: string[]): string[] {
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
  const [{ play }, { shrink }] = await Promise.all([
    import('../crashtest/play'),
    import('../crashtest/shrink'),
  ])
  const shop = await openShop()
  const shortest = await shrink(shop, await play(shop, story))
  return [...told, `   the shortest story: atlas crashtest --story '${JSON.stringify(shortest.story)}'`]
}
