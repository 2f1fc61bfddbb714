import { count, notInArray, sql } from 'drizzle-orm'
import type { Reader } from '../db/open'
import { tenants } from '../db/schema'

/** How many tenants each blueprint has that are there, or will be. */
export function fleetSizes(db: Reader): Map<string, number> {
  const rows = db
    .select({ blueprint: tenants.blueprint, n: count() })
    .from(tenants)
    .where(notInArray(tenants.status, ['deleting', 'deleted']))
    .groupBy(tenants.blueprint)
    .all()
  return new Map(rows.map(({ blueprint, n }) => [blueprint, n]))
}

/** How many tenants run each release, by its id. */
export function countRunning(db: Reader): Map<string, number> {
  const rows = db
    .select({ id: sql<string>`${tenants.releaseId}`, n: count() })
    .from(tenants)
    .where(sql`${tenants.releaseId} IS NOT NULL AND ${tenants.status} <> 'deleted'`)
    .groupBy(tenants.releaseId)
    .all()
  return new Map(rows.map(({ id, n }) => [id, n]))
}

/** What tenants of a blueprint run that was never looked up, and how many of them, most first. */
export function countUnknown(db: Reader, blueprint: string): { tag: string; tenants: number }[] {
  return db
    .select({ tag: tenants.release, tenants: count() })
    .from(tenants)
    .where(
      sql`${tenants.blueprint} = ${blueprint} AND ${tenants.releaseId} IS NULL AND ${tenants.status} <> 'deleted'`,
    )
    .groupBy(tenants.release)
    .orderBy(sql`2 DESC`)
    .limit(UNKNOWN_MAX)
    .all()
}

const UNKNOWN_MAX = 5
