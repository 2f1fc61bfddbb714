import { and, asc, eq, isNotNull, lte, min, notInArray, sql } from 'drizzle-orm'
import type { Db, Tx } from '../db/open'
import { prepared } from '../db/prepared'
import { rollouts } from '../db/schema'
import type { Lane } from '../runs/worker'
import type { Services } from '../services'
import { act } from './act'
import { type Decide, decide } from './decide'
import { settleForgotten } from './forgotten'
import { getRollout, type RolloutRow } from './rollout'
import { readSnapshot } from './snapshot'
import { wake } from './targets'

/** Blueprints whose fleets are worked on at the same time. */
const AT_ONCE_MAX = 4
/** More turns in a row would mean that a decision changes nothing. */
const TURNS_MAX = 1_000
/** How often it is seen whether the runs at work have ended without a word; the others wake their rollout. */
const IN_FLIGHT_MS = 60_000

const earliestRollout = prepared((db) => {
  const isFree = sql`${rollouts.id} NOT IN (SELECT value FROM json_each(${sql.placeholder('inHand')}))`
  return db
    .select({ at: min(rollouts.dueAt) })
    .from(rollouts)
    .where(and(isNotNull(rollouts.dueAt), isFree))
    .prepare()
})

/** The lane of rollouts: whenever one is due, it is decided how it goes on, and that is made true. */
export function rolloutLane(services: Services, by: Decide = decide): Lane<RolloutRow> {
  const { db, clock } = services
  return {
    name: 'rollouts',
    concurrency: AT_ONCE_MAX,
    nextDueAt: (inHand) => earliestRollout(db.read).get({ inHand: JSON.stringify([...inHand]) })?.at ?? null,
    take: (limit, inHand) => dueRollouts(db, inHand, clock.now(), limit),
    keyOf: ({ id }) => id,
    work: async ({ id }) => carryOn(services, id, by),
  }
}

/** Decides and acts until nothing is left to be done now. */
function carryOn(services: Services, rolloutId: string, by: Decide = decide): void {
  for (let turns = 0; turns < TURNS_MAX; turns++) if (!turn(services, rolloutId, by)) return
  throw new Error('A rollout is decided again and again without an end.')
}

/** One look, and all that follows from it, in one transaction; returns whether there may be more to decide. */
function turn(services: Services, rolloutId: string, by: Decide): boolean {
  const { db, clock } = services
  return db.write((tx) => {
    const nowMs = clock.now()
    tx.update(rollouts).set({ dueAt: null }).where(eq(rollouts.id, rolloutId)).run()
    const rollout = getRollout(tx, rolloutId)
    if (rollout.status !== 'running' && rollout.status !== 'going_back') return false
    settleForgotten(tx, services, rollout, nowMs)
    const snapshot = readSnapshot(tx, rollout)
    const decisions = by(snapshot, nowMs)
    for (const decision of decisions) act({ tx, services, rollout, nowMs }, decision)
    const hasActed = decisions.some(({ kind }) => kind !== 'look_again')
    // A process that dies now has left a rollout that is due.
    if (hasActed) wake(tx, rolloutId, nowMs)
    else if (snapshot.deploying + snapshot.goingBack > 0) lookBy(tx, rolloutId, nowMs + IN_FLIGHT_MS)
    return hasActed
  })
}

function lookBy(tx: Tx, rolloutId: string, atMs: number): void {
  const dueAt = sql`min(coalesce(${rollouts.dueAt}, ${atMs}), ${atMs})`
  tx.update(rollouts).set({ dueAt }).where(eq(rollouts.id, rolloutId)).run()
}

function dueRollouts(db: Db, inHand: ReadonlySet<string>, nowMs: number, limit: number): RolloutRow[] {
  const isDue = and(isNotNull(rollouts.dueAt), lte(rollouts.dueAt, nowMs))
  return db.read
    .select()
    .from(rollouts)
    .where(and(isDue, notInArray(rollouts.id, [...inHand])))
    .orderBy(asc(rollouts.dueAt))
    .limit(limit)
    .all()
}
