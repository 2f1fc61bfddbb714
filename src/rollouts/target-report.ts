import { and, asc, count, desc, eq, gte, lt, or, type SQL, sql } from 'drizzle-orm'
import type { Reader } from '../db/open'
import { containing, inOrder, type Order, type Page, type PageWanted } from '../db/page'
import { rolloutTargets, tenants } from '../db/schema'
import { notFound } from '../errors'
import { IS_FAILURE, type TargetRow, type TargetState } from './targets'

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

/** What the list can be sorted by: waves follow one another in the rollout's own order. */
export const TARGET_SORTS = {
  subdomain: tenants.subdomain,
  state: rolloutTargets.state,
  wave: rolloutTargets.position,
  since: rolloutTargets.updatedAt,
}

/** `ever_failed`: also those that were taken back since. */
export type TargetFilter = { q: string; state: TargetState | 'ever_failed' | '' } & Order<
  keyof typeof TARGET_SORTS
>

export type ListedTarget = TargetRow & { subdomain: string }

/** Targets that match a filter. */
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
    .orderBy(...inOrder(TARGET_SORTS, filter, rolloutTargets.tenantId))
    .limit(page.size)
    .offset((page.number - 1) * page.size)
    .all()
    .map(({ target, subdomain }) => ({ ...target, subdomain }))
  const all = db.select({ n: count() }).from(rolloutTargets).innerJoin(tenants, known).where(where).get()
  return { rows, ...page, total: all?.n ?? 0 }
}

function isIn(state: TargetFilter['state']): SQL | undefined {
  if (state === 'ever_failed') return IS_FAILURE
  return state ? eq(rolloutTargets.state, state) : undefined
}

function isCalled(q: string): SQL | undefined {
  return or(sql`${tenants.subdomain} LIKE ${containing(q)} ESCAPE '\\'`, eq(tenants.id, q))
}
