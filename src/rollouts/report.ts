import { and, asc, count, desc, eq, gte, inArray, isNotNull, lt, or, type SQL, sql } from 'drizzle-orm'
import type { Reader } from '../db/open'
import { containing, type Page, type PageWanted } from '../db/page'
import { releases, rollouts, rolloutTargets, tenants } from '../db/schema'
import { notFound } from '../errors'
import type { RolloutRow, RolloutStatus } from './rollout'
import type { TargetRow, TargetState } from './targets'

export type RolloutFilter = { q: string; status: RolloutStatus | '' }

export type ListedRollout = RolloutRow & { tag: string }

/** Rollouts that match a filter, newest first. `settled` of `total` tenants have nothing more to come. */
export function listRollouts(db: Reader, filter: RolloutFilter, page: PageWanted): Page<ListedRollout> {
  const where = and(
    filter.status ? eq(rollouts.status, filter.status) : undefined,
    filter.q ? sql`${releases.tag} LIKE ${containing(filter.q)} ESCAPE '\\'` : undefined,
  )
  const released = eq(releases.id, rollouts.releaseId)
  const rows = db
    .select({ rollout: rollouts, tag: releases.tag })
    .from(rollouts)
    .innerJoin(releases, released)
    .where(where)
    .orderBy(desc(rollouts.createdAt), desc(rollouts.id))
    .limit(page.size)
    .offset((page.number - 1) * page.size)
    .all()
    .map(({ rollout, tag }) => ({ ...rollout, tag }))
  const all = db.select({ n: count() }).from(rollouts).innerJoin(releases, released).where(where).get()
  return { rows, ...page, total: all?.n ?? 0 }
}

/** Rollouts that do nothing until a person has looked, newest first. */
export function waitingRollouts(db: Reader) {
  return db
    .select({
      id: rollouts.id,
      tag: releases.tag,
      status: sql<'held' | 'frozen'>`${rollouts.status}`,
      reason: rollouts.reason,
      createdAt: rollouts.createdAt,
    })
    .from(rollouts)
    .innerJoin(releases, eq(releases.id, rollouts.releaseId))
    .where(inArray(rollouts.status, ['held', 'frozen']))
    .orderBy(desc(rollouts.id))
    .all()
}

/** How many targets of each wave are in each state, and whether they ever failed. */
export type TargetCount = { wave: number; state: TargetState; hasFailed: boolean; count: number }

export function countTargets(db: Reader, rolloutId: string): TargetCount[] {
  const { wave, state, failedPart } = rolloutTargets
  return (
    db
      .select({ wave, state, failedPart, count: count() })
      .from(rolloutTargets)
      .where(eq(rolloutTargets.rolloutId, rolloutId))
      // In the order of an index, which is several times as fast.
      .groupBy(state, wave, failedPart)
      .all()
      .map(({ failedPart, ...one }) => ({ ...one, hasFailed: failedPart !== null }))
  )
}

/** Targets that failed at the same part for the same reason, with the first of them. */
export type FailureCause = {
  part: string | null
  reason: string
  count: number
  tenants: { id: string; subdomain: string; runId: string | null }[]
}

/** What failed in a rollout, the most frequent cause first. */
export function failuresOf(
  db: Reader,
  rolloutId: string,
  most: { causes: number; tenants: number },
): FailureCause[] {
  const mine = and(eq(rolloutTargets.rolloutId, rolloutId), IS_FAILURE)
  const cause = { part: rolloutTargets.failedPart, reason: rolloutTargets.reason }
  const causes = db
    .select({ ...cause, n: count() })
    .from(rolloutTargets)
    .where(mine)
    .groupBy(cause.part, cause.reason)
    .orderBy(desc(count()), asc(cause.part))
    .limit(most.causes)
    .all()
  return causes.map(({ part, reason, n }) => ({
    part,
    reason: reason ?? 'No reason was recorded.',
    count: n,
    tenants: db
      .select({ id: tenants.id, subdomain: tenants.subdomain, runId: rolloutTargets.runId })
      .from(rolloutTargets)
      .innerJoin(tenants, eq(tenants.id, rolloutTargets.tenantId))
      .where(and(mine, sql`${cause.part} IS ${part}`, sql`${cause.reason} IS ${reason}`))
      .orderBy(asc(rolloutTargets.position))
      .limit(most.tenants)
      .all(),
  }))
}

/** Why targets are set aside, the most frequent reason first. */
export function setAsideOf(db: Reader, rolloutId: string): { reason: string; count: number }[] {
  return db
    .select({ reason: sql<string>`coalesce(${rolloutTargets.reason}, '')`, count: count() })
    .from(rolloutTargets)
    .where(and(eq(rolloutTargets.rolloutId, rolloutId), eq(rolloutTargets.state, 'set_aside')))
    .groupBy(rolloutTargets.reason)
    .orderBy(desc(count()))
    .all()
}

/** The state of every target by its position: what a fleet looks like, at the price of one look into an index. */
export function fleetStates(db: Reader, rolloutId: string): TargetState[] {
  const rows = db
    .select({ state: rolloutTargets.state, position: rolloutTargets.position })
    .from(rolloutTargets)
    .where(eq(rolloutTargets.rolloutId, rolloutId))
    .values() as [TargetState, number][]
  const states = new Array<TargetState>(rows.length)
  for (const [state, position] of rows) states[position] = state
  return states
}

/** The positions of the targets that have changed since, in UTC milliseconds. */
export function changedTargets(db: Reader, rolloutId: string, sinceMs: number): Set<number> {
  const changed = and(eq(rolloutTargets.rolloutId, rolloutId), gte(rolloutTargets.updatedAt, sinceMs))
  const rows = db.select({ position: rolloutTargets.position }).from(rolloutTargets).where(changed).all()
  return new Set(rows.map(({ position }) => position))
}

/** The names of the targets from one position up to before another one, in their order. */
export function fleetNames(db: Reader, rolloutId: string, from: number, before: number): string[] {
  const { position } = rolloutTargets
  const rows = db
    .select({ subdomain: tenants.subdomain })
    .from(rolloutTargets)
    .innerJoin(tenants, eq(tenants.id, rolloutTargets.tenantId))
    .where(and(eq(rolloutTargets.rolloutId, rolloutId), gte(position, from), lt(position, before)))
    .orderBy(asc(position))
    .values() as [string][]
  return rows.map(([subdomain]) => subdomain)
}

/** A rollout's target by its position. Throws `not_found`. */
export function targetAt(db: Reader, rolloutId: string, position: number): TargetRow {
  const there = and(eq(rolloutTargets.rolloutId, rolloutId), eq(rolloutTargets.position, position))
  const target = db.select().from(rolloutTargets).where(there).get()
  if (!target) throw notFound('This rollout has no such tenant.')
  return target
}

/** A tenant's part in the latest rollout that it had one in. */
export function latestTarget(db: Reader, tenantId: string): TargetRow | undefined {
  return db
    .select()
    .from(rolloutTargets)
    .where(eq(rolloutTargets.tenantId, tenantId))
    .orderBy(desc(rolloutTargets.rolloutId))
    .limit(1)
    .get()
}

/** `ever_failed`: also those that were taken back since. */
export type TargetFilter = { q: string; state: TargetState | 'ever_failed' | '' }

export type ListedTarget = TargetRow & { subdomain: string }

/** Targets that match a filter, in the rollout's order. */
export function listTargets(
  db: Reader,
  rolloutId: string,
  filter: TargetFilter,
  page: PageWanted,
): Page<ListedTarget> {
  const where = and(
    eq(rolloutTargets.rolloutId, rolloutId),
    isIn(filter.state),
    filter.q ? isCalled(filter.q) : undefined,
  )
  const known = eq(tenants.id, rolloutTargets.tenantId)
  const rows = db
    .select({ target: rolloutTargets, subdomain: tenants.subdomain })
    .from(rolloutTargets)
    .innerJoin(tenants, known)
    .where(where)
    .orderBy(asc(rolloutTargets.position))
    .limit(page.size)
    .offset((page.number - 1) * page.size)
    .all()
    .map(({ target, subdomain }) => ({ ...target, subdomain }))
  const all = db.select({ n: count() }).from(rolloutTargets).innerJoin(tenants, known).where(where).get()
  return { rows, ...page, total: all?.n ?? 0 }
}

const IS_FAILURE = or(isNotNull(rolloutTargets.failedPart), eq(rolloutTargets.state, 'stuck'))

function isIn(state: TargetFilter['state']): SQL | undefined {
  if (state === 'ever_failed') return IS_FAILURE
  return state ? eq(rolloutTargets.state, state) : undefined
}

function isCalled(q: string): SQL | undefined {
  return or(sql`${tenants.subdomain} LIKE ${containing(q)} ESCAPE '\\'`, eq(tenants.id, q))
}
