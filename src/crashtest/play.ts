import { count } from 'drizzle-orm'
import { auditEvents } from '../db/schema'
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
/** For so many hours after the last of it, Atlas has time to notice everything by itself. */
const REST_HOURS = 3

export type PlayOptions = Omit<LandOptions, 'story'> & {
  /** Hours, instead of the usual ones. */
  rest?: number
  /** Whether an operator comes in the end and mends what has failed. */
  mends?: boolean
}

/** Tells a story to its end and says what was wrong with it. */
export async function play(
  shop: Shop,
  story: Story,
  options: PlayOptions = {},
  look: (land: Land) => void = () => {},
): Promise<Ending> {
  const land = new Land(shop, { ...options, story })
  try {
    await tell(land, story, options)
    look(land)
    return ending(land, story)
  } finally {
    land.close()
  }
}

async function tell(
  land: Land,
  story: Story,
  { rest = REST_HOURS, mends = true }: PlayOptions,
): Promise<void> {
  const beganAt = land.time.now()
  const people = new People(land, story.customers)
  for (const { at, ms } of story.jumps) void land.pause(at).then(() => land.jump(ms))
  await land.go(beganAt + STORY_MAX_MS, () => {
    people.look()
    return people.areDone && isAtRest(land)
  })
  if (!people.areDone) land.watch.tell('unforeseen: somebody waits for ever')
  land.calm()
  if (mends) await mend(land)
  for (let hour = 0; hour < rest; hour++) {
    await land.go(land.time.now() + HOUR_MS)
    await land.go(land.time.now() + DAY_MS, () => isAtRest(land))
  }
}

/** What failed in the night is tried again in the morning, until nothing is left to be tried. */
async function mend(land: Land): Promise<void> {
  const operator = new Operator(land)
  for (let look = 0; look < LOOKS_MAX; look++) {
    await land.go(land.time.now() + 2 * DAY_MS, () => isAtRest(land))
    if (operator.mend() === 0) return
    await land.go(land.time.now() + LOOK_MS, () => isAtRest(land))
  }
}

/** Whether nobody is working on anything and no mail or event waits for its turn. */
function isAtRest({ db, clouds, time }: Land): boolean {
  const { n } = db.sqlite
    .query(
      `SELECT (SELECT count(*) FROM runs WHERE status IN ('queued', 'running', 'waiting'))
            + (SELECT count(*) FROM outbox WHERE status = 'queued')
            + (SELECT count(*) FROM inbox WHERE status = 'received') AS n`,
    )
    .get() as { n: number }
  const webhook = clouds.stripe.nextWebhookAt()
  return n === 0 && (webhook === undefined || webhook > time.now() + HOUR_MS)
}

function ending(land: Land, story: Story): Ending {
  land.watch.lookAtRuns()
  const events = land.db.read.select({ n: count() }).from(auditEvents).get()?.n ?? 0
  if (events < land.promised) land.watch.tell(`forgotten: ${land.promised - events} audit events`)
  const wrong = violations({
    db: land.db.read,
    holds: holdingsOf(land.clouds),
    seen: land.watch.seen,
    complaints: land.lives.flatMap(({ complaints }) => complaints),
  })
  return {
    story,
    wrong,
    trace: land.trace.read(),
    hash: land.trace.hash(),
    moments: land.lives.map(({ fate }) => fate.moments),
    strikes: land.weather.strikes,
  }
}
