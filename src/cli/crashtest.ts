import { existsSync, readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { openShop } from '../crashtest/bases'
import { KINDS } from '../crashtest/kinds'
import { type Ending, play } from '../crashtest/play'
import { readStory } from '../crashtest/read-story'
import { ROWS } from '../crashtest/rows'
import { writeStory } from '../crashtest/write-story'
import { asAtlasError } from '../errors'
import { doRows, doShare } from './crashtest-rows'
import type { Output } from './output'

const USAGE =
  'Usage: atlas crashtest [--row ROW] [--seeds N] [--seed S] [--kind KIND] [--pairs N] [--story JSON|FILE] [--json]'

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
    refuseUnknown(asked)
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
    story: values.story === undefined ? undefined : readStory(textOf(values.story)),
    seeds: wholeNumber('seeds', values.seeds),
    seed: wholeNumber('seed', values.seed),
    pairs: wholeNumber('pairs', values.pairs) ?? 1,
  }
}

/** What a story's option stands for: a file that has it, or the story itself. */
function textOf(story: string): string {
  return existsSync(story) ? readFileSync(story, 'utf8') : story
}

function wholeNumber(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  if (!/^\d{1,9}$/.test(text)) throw new TypeError(`--${name} takes a whole number.`)
  return Number(text)
}

/** A misspelled row or kind would try nothing, and nothing can't fail. */
function refuseUnknown({ row, kind }: Asked): void {
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

async function tellOne({ story, seed, json }: Asked, io: Output): Promise<number> {
  const ending = await play(await openShop(), story ?? writeStory(seed ?? 0))
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
