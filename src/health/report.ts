import { and, asc, count, desc, eq, gte, inArray, sql } from 'drizzle-orm'
import type { Reader } from '../db/open'
import { containing, inOrder, type Order, type Page, type PageWanted } from '../db/page'
import { healthChecks, incidents, tenants } from '../db/schema'
import type { IncidentRow } from './alarm'
import type { HealthRow, HealthState } from './check'

const INCIDENTS_KEPT_MS = 30 * 86_400_000

/** How many active tenants there are in each state. */
export type HealthCounts = Record<HealthState, number>

/** A tenant that is not well. */
export type Ailing = Pick<HealthRow, 'tenantId' | 'state' | 'reason' | 'changedAt'> & {
  subdomain: string
}

/** Tenants by state. */
export function countHealth(db: Reader): HealthCounts {
  const rows = db
    .select({ state: healthChecks.state, count: count() })
    .from(healthChecks)
    .groupBy(healthChecks.state)
    .all()
  const counts: HealthCounts = { unknown: 0, healthy: 0, failing: 0, unhealthy: 0 }
  for (const row of rows) counts[row.state] = row.count
  return counts
}

/** What the list can be sorted by. */
export const AILING_SORTS = {
  subdomain: tenants.subdomain,
  state: healthChecks.state,
  since: healthChecks.changedAt,
}

export type AilingFilter = { q: string; state: 'failing' | 'unhealthy' | '' } & Order<
  keyof typeof AILING_SORTS
>

/** Some of the active tenants that are down, those that are it longest first. */
export function longestDown(db: Reader, limit: number): Ailing[] {
  return ailing(db)
    .where(and(eq(healthChecks.state, 'unhealthy'), eq(tenants.status, 'active')))
    .orderBy(asc(healthChecks.changedAt))
    .limit(limit)
    .all()
}

/** Active tenants that are not well and match a filter; in the same state the longest first. */
export function listAiling(db: Reader, filter: AilingFilter, page: PageWanted): Page<Ailing> {
  const { q, state } = filter
  const [first, last] = inOrder(AILING_SORTS, filter, healthChecks.tenantId)
  const where = and(
    state ? eq(healthChecks.state, state) : inArray(healthChecks.state, ['failing', 'unhealthy']),
    eq(tenants.status, 'active'),
    q ? sql`${tenants.subdomain} LIKE ${containing(q)} ESCAPE '\\'` : undefined,
  )
  const rows = ailing(db)
    .where(where)
    .orderBy(first, asc(healthChecks.changedAt), last)
    .limit(page.size)
    .offset((page.number - 1) * page.size)
    .all()
  const found = db
    .select({ count: count() })
    .from(healthChecks)
    .innerJoin(tenants, eq(tenants.id, healthChecks.tenantId))
    .where(where)
    .get()
  return { rows, ...page, total: found?.count ?? 0 }
}

function ailing(db: Reader) {
  return db
    .select({
      tenantId: healthChecks.tenantId,
      subdomain: tenants.subdomain,
      state: healthChecks.state,
      reason: healthChecks.reason,
      changedAt: healthChecks.changedAt,
    })
    .from(healthChecks)
    .innerJoin(tenants, eq(tenants.id, healthChecks.tenantId))
    .$dynamic()
}

/** The latest incidents of all tenants, newest first. */
export function latestIncidents(db: Reader, limit: number) {
  return db
    .select({ incident: incidents, subdomain: tenants.subdomain })
    .from(incidents)
    .innerJoin(tenants, eq(tenants.id, incidents.tenantId))
    .orderBy(desc(incidents.startedAt), desc(incidents.id))
    .limit(limit)
    .all()
    .map(({ incident, subdomain }) => ({ ...incident, subdomain }))
}

/** How one tenant is, and its incidents of the last 30 days, newest first. No row: it is not checked. */
export function healthOf(
  db: Reader,
  tenantId: string,
  nowMs: number,
): { check: HealthRow | null; incidents: IncidentRow[] } {
  const check = db.select().from(healthChecks).where(eq(healthChecks.tenantId, tenantId)).get() ?? null
  const recent = db
    .select()
    .from(incidents)
    .where(and(eq(incidents.tenantId, tenantId), gte(incidents.startedAt, nowMs - INCIDENTS_KEPT_MS)))
    .orderBy(desc(incidents.startedAt))
    .limit(50)
    .all()
  return { check, incidents: recent }
}
