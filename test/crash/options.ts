import { parseArgs } from 'node:util'
import { ROWS } from '../../src/crashtest/rows'

const KILLS = 200
const SEED = 20_261_122
/** What says how much is tried, and not which of it. */
const HOW = ['kills', 'seed', 'pairs']

/** What `bun run crashtest` was asked for: what is its own, and what it passes on to `atlas crashtest`. */
export function readOptions(args: string[]) {
  const { values, tokens } = parseArgs({
    args,
    options: { kills: { type: 'string' }, seed: { type: 'string' }, pairs: { type: 'string' } },
    strict: false,
    tokens: true,
  })
  const own = new Set(
    tokens.flatMap((token) => {
      if (token.kind !== 'option' || token.name !== 'kills') return []
      return token.inlineValue ? [token.index] : [token.index, token.index + 1]
    }),
  )
  const passedOn = args.filter((_, index) => !own.has(index))
  // A seed alone is where every row begins, not one life to be told.
  const isAll = tokens.every((token) => token.kind === 'option' && HOW.includes(token.name))
  const all = isAll && values.seed !== undefined ? ROWS.flatMap(({ name }) => ['--row', name]) : []
  return {
    kills: wholeNumber('kills', values.kills) ?? KILLS,
    seed: wholeNumber('seed', values.seed) ?? SEED,
    simulated: [...passedOn, ...all],
    isAll,
  }
}

function wholeNumber(name: string, text: string | boolean | undefined): number | undefined {
  if (text === undefined) return undefined
  if (typeof text !== 'string' || !/^\d{1,9}$/.test(text)) throw new Error(`--${name} takes a whole number.`)
  return Number(text)
}
