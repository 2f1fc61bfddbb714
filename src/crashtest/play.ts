import { count } from 'drizzle-orm'
import { auditEvents } from '../db/schema'
import { readSecrets } from '../tenants/secrets'
import { BECOMES_LIVE, baseOf } from './bases'
import type { End } from './end'
import { holdingsOf } from './holdings'
import { violations } from './invariants'
import { Land, type LandOptions } from './land'
import { Operator } from './operator'
import { People } from './people'
import type { Shop } from './shop'
import type { Story, Strike } from './story'

/** What a story came to. */
export type Ending = {
  story: Story
  /** What it broke, a sentence each; nothing when all is well. */
  wrong: string[]
  trace: string[]
  hash: string
  /** The moments at which each life could have ended. */
  moments: string[][]
  strikes: Strike[]
}

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
/** A story is over at the latest after so much time. */
const STORY_MAX_MS = 60 * DAY_MS
/** How often an operator looks at what has failed, when everything works again. */
const LOOK_MS = HOUR_MS
const LOOKS_MAX = 30
const SIGHTINGS = 3
/** After the last of it Atlas has at most so many times so long to notice everything by itself. */
const RESTS = 2
const REST_MS = 45 * 60_000

export type PlayOptions = Omit<LandOptions, 'story'> & {
  /** How often Atlas rests in the end, instead of as often as usual. */
  rests?: number
  /** Whether an operator comes in the end and mends what has failed. */
  mends?: boolean
  /** Whether they also apply what the hourly look has found. */
  applies?: boolean
}

/** Tells a story to its end and says what was wrong with it. */
export async function play(
  shop: Shop,
  story: Story,
  options: PlayOptions = {},
  look: (land: Land) => void = () => {},
): Promise<Ending> {
  const [first] = story.customers
  const from = options.from ?? (first?.isLive ? await baseOf(shop, first.plan, BECOMES_LIVE) : undefined)
  const land = new Land(shop, { ...options, story, from })
  try {
    await tell(land, story, options)
    look(land)
    return ending(land, story, shop)
  } finally {
    await land.close()
  }
}

async function tell(
  land: Land,
  story: Story,
  { rests = RESTS, mends = true, applies = false }: PlayOptions,
): Promise<void> {
  const beganAt = land.time.now()
  const people = new People(land, story.customers)
  for (const { at, ms } of story.jumps) void land.pause(at).then(() => land.jump(ms))
  await land.go(beganAt + STORY_MAX_MS, () => {
    return people.look() && land.isAtRest
  })
  if (!people.look()) land.watch.tell('unforeseen: somebody waits for ever')
  land.calm()
  if (mends) await mend(land)
  if (applies) await applyFindings(land)
  for (const { name } of story.customers) await land.write(name)
  const isRight = () => !land.watch.isUneasy && violations(endOf(land, land.shop)).length === 0
  if (!story.endsAtOnce || !isRight()) await goOn(land, rests)
}

/** Atlas goes on by itself until it finds nothing to do any more, and what may be wrong for a while is right again. */
async function goOn(land: Land, rests: number): Promise<void> {
  for (let rest = 0; rest < rests; rest++) {
    const before = land.changes
    await land.go(land.time.now() + REST_MS)
    await land.go(land.time.now() + DAY_MS, () => land.isAtRest)
    // What finds nothing to do finds nothing the next time either.
    if (land.changes === before && !land.hasFindings) break
  }
  await land.go(land.time.now() + 2 * HOUR_MS, () => !land.watch.isUneasy)
}

/** What failed in the night is tried again in the morning, until nothing is left to be tried. */
async function mend(land: Land): Promise<void> {
  const operator = new Operator(land)
  for (let look = 0; look < LOOKS_MAX; look++) {
    await land.go(land.time.now() + 2 * DAY_MS, () => land.isAtRest)
    if (operator.mend() === 0) return
    await land.go(land.time.now() + LOOK_MS, () => land.isAtRest)
  }
}

/** What is found twice and confirmed is applied, as long as there is anything. */
async function applyFindings(land: Land): Promise<void> {
  const operator = new Operator(land)
  for (let look = 0; look < SIGHTINGS; look++) {
    await land.go(land.time.now() + LOOK_MS)
    let isDone = false
    void operator.apply().then(() => {
      isDone = true
    })
    await land.go(land.time.now() + DAY_MS, () => isDone)
    await land.go(land.time.now() + DAY_MS, () => land.isAtRest)
  }
}

function ending(land: Land, story: Story, shop: Shop): Ending {
  return {
    story,
    wrong: violations(endOf(land, shop)),
    trace: land.trace.read(),
    hash: land.trace.hash(),
    moments: land.lives.map(({ fate }) => fate.moments),
    strikes: land.weather.strikes,
  }
}

/** Everything that the invariants look at. */
export function endOf(land: Land, shop: Shop): End {
  land.watch.lookAtRuns()
  const events = land.db.read.select({ n: count() }).from(auditEvents).get()?.n ?? 0
  if (events < land.promised) land.watch.tell(`forgotten: ${land.promised - events} audit events`)
  return {
    db: land.db.read,
    holds: holdingsOf(land.clouds),
    priceOf: (planId) => shop.settings.catalog.plan(planId).priceId,
    secretsOf: (tenant) => (land.life.services ? readSecrets(land.db.read, land.life.services, tenant) : {}),
    wentLive: land.wentLive,
    seen: land.watch.seen,
    complaints: land.lives.flatMap(({ complaints }) => complaints),
    diary: land.diary,
    isCalm: land.isCalm,
    nowMs: land.time.now(),
    keptDays: (planId) => shop.settings.catalog.plan(planId).plan.backups.retentionDays,
  }
}
