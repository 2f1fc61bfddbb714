import { and, asc, eq, gt, isNull, lt, lte, min, sql } from 'drizzle-orm'
import type { Db, Reader, Tx } from '../db/open'
import { prepared } from '../db/prepared'
import { healthChecks, runs, servers, tenants } from '../db/schema'
import { IS_CURRENT } from '../tenants/tenant'
import { CHECK_EVERY_MS, type HealthRow, nextTurn } from './check'

/** A tenant's check that is due, with what it takes to ask. */
export type DueCheck = {
  row: HealthRow
  tenant: Pick<typeof tenants.$inferSelect, 'subdomain' | 'blueprint' | 'status'>
  address: string | null
  /** Whether a live run holds the tenant: then it may be down for a good reason. */
  isHeld: number
}

/** Whether a live run holds the tenant, as SQL. Literals, because SQLite uses no partial index for bound values. */
const IS_HELD = sql<number>`EXISTS (SELECT 1 FROM ${runs} WHERE ${runs.tenantId} = ${healthChecks.tenantId}
  AND ${runs.status} IN ('queued', 'running', 'waiting'))`

const earliestCheck = prepared((db) =>
  db
    .select({ at: min(healthChecks.dueAt) })
    .from(healthChecks)
    .prepare(),
)

/** When the next check is due; null when there is none. */
export function nextCheckDueAt(db: Reader): number | null {
  return earliestCheck(db).get()?.at ?? null
}

const checksDue = prepared((db) =>
  db
    .select({
      row: healthChecks,
      tenant: { subdomain: tenants.subdomain, blueprint: tenants.blueprint, status: tenants.status },
      address: servers.ipv4,
      isHeld: IS_HELD,
    })
    .from(healthChecks)
    .innerJoin(tenants, eq(tenants.id, healthChecks.tenantId))
    .leftJoin(servers, and(eq(servers.tenantId, healthChecks.tenantId), IS_CURRENT))
    .where(lte(healthChecks.dueAt, sql.placeholder('byMs')))
    .orderBy(asc(healthChecks.dueAt))
    .limit(sql.placeholder('limit'))
    .prepare(),
)

/** Checks that are due by a moment, the longest overdue first. */
export function dueChecks(db: Reader, byMs: number, limit: number): DueCheck[] {
  return checksDue(db).all({ byMs, limit })
}

/** Whether a tenant may still be judged by an answer to what was asked at `askedAtMs`: it is active, and no run has held it since. */
export function isJudgeable(db: Reader, tenantId: string, askedAtMs: number): boolean {
  return judgeable(db).get({ tenantId, askedAtMs }) !== undefined
}

const judgeable = prepared((db) => {
  const isActive = and(eq(tenants.id, sql.placeholder('tenantId')), sql`+${tenants.status} = 'active'`)
  const wasHeld = sql`EXISTS (SELECT 1 FROM ${runs} WHERE ${runs.tenantId} = ${tenants.id} AND
    (${runs.status} IN ('queued', 'running', 'waiting') OR ${runs.finishedAt} >= ${sql.placeholder('askedAtMs')}))`
  return db
    .select({ id: tenants.id })
    .from(tenants)
    .where(and(isActive, sql`NOT ${wasHeld}`))
    .prepare()
})

const unchecked = prepared((db) =>
  db
    .select({ id: tenants.id })
    .from(tenants)
    .leftJoin(healthChecks, eq(healthChecks.tenantId, tenants.id))
    .where(and(eq(tenants.status, 'active').inlineParams(), isNull(healthChecks.tenantId)))
    .prepare(),
)

/** Gives every active tenant that has no check yet one of its own. */
export function enrolTenants(db: Db, nowMs: number): void {
  const missing = unchecked(db.read).all()
  if (missing.length === 0) return
  db.writeQuietly((tx) => {
    const fresh = { state: 'unknown', failures: 0 } as const
    const insert = tx
      .insert(healthChecks)
      .values({ ...fresh, tenantId: sql.placeholder('id'), dueAt: sql.placeholder('dueAt') })
      .onConflictDoNothing()
      .prepare()
    for (const { id } of missing) insert.run({ id, dueAt: nextTurn(id, nowMs) })
  })
}

/** Has a tenant's health looked at by then, if its own turn would come later. */
export function askSoon(tx: Tx, tenantId: string, byMs: number): void {
  const isLater = and(eq(healthChecks.tenantId, tenantId), gt(healthChecks.dueAt, byMs))
  tx.update(healthChecks).set({ dueAt: byMs }).where(isLater).run()
}

/** Moves what became overdue while nobody looked on to its own next turn, so that a start makes no burst. */
export function spreadOverdue(db: Db, nowMs: number): void {
  db.writeQuietly((tx) => putOff(tx).run({ nowMs }))
}

const putOff = prepared((tx: Tx) => {
  const now = sql.placeholder('nowMs')
  const turns = sql`((${now} - ${healthChecks.dueAt}) / ${CHECK_EVERY_MS} + 1) * ${CHECK_EVERY_MS}`
  return tx
    .update(healthChecks)
    .set({ dueAt: sql`${healthChecks.dueAt} + ${turns}` })
    .where(lt(healthChecks.dueAt, now))
    .prepare()
})
