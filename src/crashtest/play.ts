import { count, desc, eq } from 'drizzle-orm'
import { auditEvents, runs } from '../db/schema'
import { AtlasError } from '../errors'
import { remediesFor, retry, undo } from '../lifecycle/mend'
import { getRun } from '../runs/run'
import { Dead } from './fate'
import { holdingsOf } from './holdings'
import { violations } from './invariants'
import { Land, type LandOptions } from './land'
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
/** After so many tries that failed for the same reason an operator takes it back, where that can be done. */
const RETRIES = 2
/** So long after the last of it, Atlas must have noticed everything by itself. */
const REST_MS = 3 * HOUR_MS

/** Tells a story to its end and says what was wrong with it. */
export async function play(
  shop: Shop,
  story: Story,
  options: Omit<LandOptions, 'story'> = {},
): Promise<Ending> {
  const land = new Land(shop, { ...options, story })
  try {
    await tell(land, story)
    return ending(land, story)
  } finally {
    land.close()
  }
}

async function tell(land: Land, story: Story): Promise<void> {
  const beganAt = land.time.now()
  const people = new People(land, story.customers)
  for (const { at, ms } of story.jumps) land.time.at(beganAt + at, () => land.jump(ms))
  await land.go(beganAt + STORY_MAX_MS, () => {
    people.look()
    return people.areDone && isAtRest(land)
  })
  if (!people.areDone) land.watch.tell('unforeseen: somebody waits for ever')
  land.calm()
  await mend(land)
  await land.go(land.time.now() + REST_MS)
  await land.go(land.time.now() + DAY_MS, () => isAtRest(land))
}

/** What an operator does who finds failed runs in the morning: tries them again, then takes them back. */
async function mend(land: Land): Promise<void> {
  const tried = new Map<string, number>()
  for (let look = 0; look < LOOKS_MAX; look++) {
    await land.go(land.time.now() + DAY_MS, () => isAtRest(land))
    const failed = land.db.read
      .select()
      .from(runs)
      .where(eq(runs.status, 'failed'))
      .orderBy(desc(runs.createdAt))
      .all()
    const acted = failed.filter(({ id }) => mendRun(land, id, tried))
    if (acted.length === 0) return
    await land.go(land.time.now() + LOOK_MS)
  }
}

function mendRun(land: Land, runId: string, tried: Map<string, number>): boolean {
  const { services } = land.life
  if (!services) return false
  const run = getRun(services.db.read, runId)
  const { canRetry, canUndo } = remediesFor(services.db.read, services, run)
  const tries = tried.get(runId) ?? 0
  tried.set(runId, tries + 1)
  const actor = { id: 'operator:morning' }
  const nowMs = land.time.now()
  try {
    if (canUndo && tries >= RETRIES) services.db.write((tx) => undo(tx, services, runId, actor, nowMs))
    else if (canRetry) services.db.write((tx) => retry(tx, services, runId, actor, nowMs))
    else return false
    land.tell(`the operator mends the run ${run.kind}: ${run.reason}`)
    return true
  } catch (thrown) {
    if (thrown instanceof Dead || !(thrown instanceof AtlasError)) throw thrown
    return false
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
