import { and, desc, eq, inArray } from 'drizzle-orm'
import type { Reader } from '../db/open'
import { auditEvents, rollouts } from '../db/schema'
import { notFound } from '../errors'
import type { Strategy } from './strategy'

export type RolloutRow = typeof rollouts.$inferSelect
export type RolloutStatus = RolloutRow['status']

/** The statuses in which a rollout holds its fleet. */
export const LIVE: readonly RolloutStatus[] = ['running', 'held', 'going_back', 'frozen']

/** A strategy together with what was reckoned from it at the start, which stays. */
export type StoredStrategy = Strategy & {
  stopAt: number
  waveCount: number
  deployMs: number
  canGoBack: boolean
}

/** A rollout by its id. Throws `not_found`. */
export function getRollout(db: Reader, rolloutId: string): RolloutRow {
  const rollout = db.select().from(rollouts).where(eq(rollouts.id, rolloutId)).get()
  if (!rollout) throw notFound('There is no such rollout.')
  return rollout
}

/** The rollout that holds a blueprint's fleet, if there is one. */
export function liveRollout(db: Reader, blueprint: string): RolloutRow | undefined {
  const live = and(eq(rollouts.blueprint, blueprint), inArray(rollouts.status, [...LIVE]))
  return db.select().from(rollouts).where(live).get()
}

/** A blueprint's latest rollout, whatever became of it. */
export function latestRollout(db: Reader, blueprint: string): RolloutRow | undefined {
  return db
    .select()
    .from(rollouts)
    .where(eq(rollouts.blueprint, blueprint))
    .orderBy(desc(rollouts.createdAt), desc(rollouts.id))
    .limit(1)
    .get()
}

export function isLive({ status }: Pick<RolloutRow, 'status'>): boolean {
  return LIVE.includes(status)
}

/** Whether it stands still because Atlas wants a person to look, and not because somebody holds it. */
export function isHeldByItself(db: Reader, { id, status }: Pick<RolloutRow, 'id' | 'status'>): boolean {
  if (status !== 'held') return false
  const hold = inArray(auditEvents.action, [HELD_BY_ITSELF, HELD_BY_HAND])
  const latest = db
    .select({ action: auditEvents.action })
    .from(auditEvents)
    .where(and(eq(auditEvents.subject, id), hold))
    .orderBy(desc(auditEvents.at), desc(auditEvents.id))
    .limit(1)
    .get()
  return latest?.action === HELD_BY_ITSELF
}

const HELD_BY_ITSELF = 'rollout.held'
const HELD_BY_HAND = 'rollout.hold_asked'

export function strategyOf({ strategy }: Pick<RolloutRow, 'strategy'>): StoredStrategy {
  return JSON.parse(strategy) as StoredStrategy
}
