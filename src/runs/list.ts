import { and, asc, count, desc, eq, inArray, not, or, type SQL, sql } from 'drizzle-orm'
import type { Reader } from '../db/open'
import { containing, inOrder, type Order, type PageWanted } from '../db/page'
import { effects, runLogs, runs, steps, tenants } from '../db/schema'
import type { RunRow } from './run'

/** What the list can be sorted by. */
export const RUN_SORTS = {
  tenant: tenants.subdomain,
  status: runs.status,
  // Ids sort by time. With both columns SQLite sorts every run there is when the limit is small.
  begun: runs.id,
}

export type RunFilter = { q: string; status: RunRow['status'] | ''; kind: string } & Order<
  keyof typeof RUN_SORTS
>

const LISTED = {
  id: runs.id,
  kind: runs.kind,
  status: runs.status,
  direction: runs.direction,
  reason: runs.reason,
  createdAt: runs.createdAt,
  startedAt: runs.startedAt,
  finishedAt: runs.finishedAt,
  tenantId: tenants.id,
  subdomain: tenants.subdomain,
  stepTitle: sql<string | null>`(SELECT ${steps.title} FROM ${steps}
    WHERE ${steps.runId} = ${runs.id} AND ${steps.name} = ${runs.step})`,
}

/** Runs that match a filter. */
export function listRuns(db: Reader, filter: RunFilter, page: PageWanted) {
  const where = and(
    filter.status ? eq(runs.status, filter.status) : undefined,
    filter.kind ? eq(runs.kind, filter.kind) : undefined,
    filter.q
      ? or(
          sql`${tenants.subdomain} LIKE ${containing(filter.q)} ESCAPE '\\'`,
          eq(runs.id, filter.q),
          eq(tenants.id, filter.q),
        )
      : undefined,
  )
  const order = inOrder(RUN_SORTS, filter, runs.id)
  // Sorted first, so that steps are looked up for one page and not for every run that matches.
  const onPage = db
    .select({ id: runs.id })
    .from(runs)
    .innerJoin(tenants, eq(tenants.id, runs.tenantId))
    .where(where)
    .orderBy(...order)
    .limit(page.size)
    .offset((page.number - 1) * page.size)
  const rows = rowsWhere(db, inArray(runs.id, onPage), order).all()
  return { rows, ...page, total: countRuns(db, where, filter.q !== '') }
}

/** Runs that failed and still speak for their tenant (see latestRun), newest first: somebody has to mend them. */
export function listStoppedRuns(db: Reader, max: number) {
  const isOutdated = sql`EXISTS (SELECT 1 FROM ${runs} AS later WHERE later.tenant_id = ${runs.tenantId}
    AND later.created_at > ${runs.createdAt} AND (later.kind <> 'delete' OR later.status <> 'cancelled'))`
  return rowsWhere(db, and(eq(runs.status, 'failed'), not(isOutdated)), [desc(runs.id)])
    .limit(max)
    .all()
}

function rowsWhere(db: Reader, where: SQL | undefined, order: SQL[]) {
  return db
    .select(LISTED)
    .from(runs)
    .innerJoin(tenants, eq(tenants.id, runs.tenantId))
    .where(where)
    .orderBy(...order)
}

function countRuns(db: Reader, where: SQL | undefined, namesTenants: boolean): number {
  const all = db.select({ count: count() }).from(runs).$dynamic()
  const found = namesTenants ? all.innerJoin(tenants, eq(tenants.id, runs.tenantId)) : all
  return found.where(where).get()?.count ?? 0
}

/** The log of a run, oldest line first. */
export function logOf(db: Reader, runId: string) {
  return db.select().from(runLogs).where(eq(runLogs.runId, runId)).orderBy(asc(runLogs.position)).all()
}

/** The effects of a run, oldest first. */
export function effectsOfRun(db: Reader, runId: string) {
  return db
    .select()
    .from(effects)
    .where(eq(effects.runId, runId))
    .orderBy(asc(effects.requestedAt), asc(effects.id))
    .all()
}
