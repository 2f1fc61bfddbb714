import { and, count, eq, or, sql, sum } from 'drizzle-orm'
import type { Reader } from '../db/open'
import { containing, inOrder, type Order, type Page, type PageWanted } from '../db/page'
import { backups } from '../db/schema'
import type { Services } from '../services'
import { getTenant, serverOf } from '../tenants/tenant'
import { type BackupMethod, type BackupRow, latestBackup, missingFor } from './backup'
import { whyOverdue } from './overdue'
import { obstacleTo } from './restore'

const LATEST = 5

/** What the list can be sorted by. */
export const BACKUP_SORTS = {
  made: backups.createdAt,
  status: backups.status,
  size: backups.sizeBytes,
  kept: backups.expiresAt,
}

/** `q` is a part of the release that was backed up, or an id. */
export type BackupFilter = { q: string; method: BackupMethod | ''; status: BackupRow['status'] | '' } & Order<
  keyof typeof BACKUP_SORTS
>

/** All of them, the newest first. */
export const NEWEST = { q: '', method: '', status: '', sort: 'made', dir: 'desc' } as const

/** A backup with why it can't be put back on the tenant's server; null when it can. */
export type ListedBackup = BackupRow & { obstacle: string | null }

/** A tenant's backups that match a filter, also those that failed or are no longer kept. */
export function listBackups(
  db: Reader,
  services: Pick<Services, 'objects'>,
  tenantId: string,
  filter: BackupFilter,
  page: PageWanted,
): Page<ListedBackup> {
  const { q, method, status } = filter
  const where = and(
    eq(backups.tenantId, tenantId),
    method ? eq(backups.method, method) : undefined,
    status ? eq(backups.status, status) : undefined,
    q
      ? or(sql`${backups.release} LIKE ${containing(q)} ESCAPE '\\'`, eq(backups.id, q), eq(backups.runId, q))
      : undefined,
  )
  const server = serverOf(db, tenantId)
  const rows = db
    .select()
    .from(backups)
    .where(where)
    .orderBy(...inOrder(BACKUP_SORTS, filter, backups.id))
    .limit(page.size)
    .offset((page.number - 1) * page.size)
    .all()
    .map((row) => ({ ...row, obstacle: obstacleTo(services, row, server) }))
  const total = db.select({ count: count() }).from(backups).where(where).get()?.count ?? 0
  return { rows, ...page, total }
}

/** What a tenant's page says of its backups. */
export function backupsOf(services: Services, tenantId: string) {
  const { db, catalog } = services
  const tenant = getTenant(db.read, tenantId)
  const server = serverOf(db.read, tenantId)
  const complete = and(eq(backups.tenantId, tenantId), eq(backups.status, 'complete'))
  const kept = db.read
    .select({ count: count(), bytes: sum(backups.sizeBytes) })
    .from(backups)
    .where(complete)
    .get()
  const { rows, total } = listBackups(db.read, services, tenantId, NEWEST, { number: 1, size: LATEST })
  // A tenant that is gone may have had what the catalog has no more.
  const isGone = tenant.status === 'deleted'
  const missing = (method: BackupMethod) => (isGone ? null : missingFor(services, tenant, server, method))
  return {
    plan: isGone ? null : catalog.plan(tenant.planId).plan.backups,
    kept: { count: kept?.count ?? 0, bytes: Number(kept?.bytes ?? 0) },
    latest: latestBackup(db.read, tenantId) ?? null,
    missing: { app: missing('app'), image: missing('image') },
    overdue: whyOverdue(services, tenantId),
    rows,
    total,
  }
}
