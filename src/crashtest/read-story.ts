import * as v from 'valibot'
import { ACTIONS } from './acts'
import type { Story } from './story'
import { WAYS_TO_FAIL } from './weather'

const Milliseconds = v.pipe(v.number(), v.minValue(0))
/** What nobody knows would never happen, and a story in which nothing happens breaks nothing. */
const oneOf = (names: readonly string[]) =>
  v.picklist(names, ({ received }) => `there is no ${received}, only ${names.join(', ')}`)

const Act = v.strictObject({
  kind: oneOf(Object.keys(ACTIONS)),
  after: Milliseconds,
  atOnce: v.exactOptional(v.literal(true)),
  twice: v.exactOptional(v.literal(true)),
})

const Customer = v.strictObject({
  name: v.pipe(v.string(), v.nonEmpty()),
  plan: v.picklist(['starter', 'pro']),
  acts: v.array(Act),
  isLive: v.exactOptional(v.literal(true)),
})

const Strike = v.strictObject({ call: v.string(), nth: v.number(), how: oneOf(WAYS_TO_FAIL) })

const Told = v.strictObject({
  seed: v.number(),
  customers: v.array(Customer),
  deaths: v.optional(v.array(v.union([v.number(), v.string()])), []),
  // Chosen by what is there, so that what is wrong is told of that.
  weather: v.optional(
    v.lazy((told) => (typeof told === 'number' ? v.number() : v.array(Strike))),
    0,
  ),
  outages: v.optional(
    v.array(v.strictObject({ provider: v.string(), at: Milliseconds, ms: Milliseconds })),
    [],
  ),
  jumps: v.optional(v.array(v.strictObject({ at: Milliseconds, ms: Milliseconds })), []),
  endsAtOnce: v.exactOptional(v.literal(true)),
})

/** A story from JSON that somebody gave. Throws a TypeError that says where it is wrong. */
export function readStory(text: string): Story {
  const told = v.safeParse(Told, parse(text))
  if (told.success) return told.output
  const [issue] = told.issues
  throw new TypeError(`The story is wrong at ${v.getDotPath(issue) ?? 'its top'}: ${issue.message}.`)
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new TypeError('--story takes a story in JSON, or a file that has one.')
  }
}
