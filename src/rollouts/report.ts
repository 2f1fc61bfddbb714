import { and, asc, count, desc, eq, inArray, sql } from 'drizzle-orm'
import type { Reader } from '../db/open'
import { containing, inOrder, type Order, type Page, type PageWanted } from '../db/page'
import { releases, rollouts, rolloutTargets, tenants } from '../db/schema'
import type { RolloutRow, RolloutStatus } from './rollout'
import { IS_FAILURE, type TargetState } from './targets'

/** What the list can be sorted by. */
export const ROLLOUT_SORTS = {
  release: releases.tag,
  status: rollouts.status,
  tenants: rollouts.total,
  begun: rollouts.createdAt,
}

export type RolloutFilter = { q: string; status: RolloutStatus | '' } & Order<keyof typeof ROLLOUT_SORTS>

export type ListedRollout = RolloutRow & { tag: string }

/** Rollouts that match a filter. `settled` of `total` tenants have nothing more to come. */
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
    .orderBy(...inOrder(ROLLOUT_SORTS, filter, rollouts.id))
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
