import { and, desc, eq, lt, or, sql } from 'drizzle-orm'
import type { Reader, Tx } from '../db/open'
import { prepared } from '../db/prepared'
import { backups } from '../db/schema'
import { notFound } from '../errors'
import { newId } from '../ids'
import type { Services } from '../services'
import { getTenant, type ServerRow, type TenantRow } from '../tenants/tenant'
import { expiryOf, failureExpiryOf } from './retention'

export type BackupRow = typeof backups.$inferSelect
export type BackupMethod = BackupRow['method']
export type BackupReason = BackupRow['reason']

/** Why a tenant can't be backed up in this way, as a sentence; null when it can. */
export function missingFor(
  { objects, catalog }: Pick<Services, 'objects' | 'catalog'>,
  tenant: Pick<TenantRow, 'blueprint'>,
  server: Pick<ServerRow, 'externalId'>,
  method: BackupMethod,
): string | null {
  if (method === 'image')
    return server.externalId ? null : 'There is no server yet that an image could be of.'
  if (!objects) return 'No storage for backups is configured. Set the variables that begin with BACKUP_S3_.'
  if (!catalog.blueprint(tenant.blueprint).backup) {
    return 'The blueprint does not say what of this app is to be copied. An image of the server is possible.'
  }
  return null
}

type Begun = {
  tenant: TenantRow
  server: ServerRow
  runId: string
  method: BackupMethod
  reason: BackupReason
}

/** The backup that a run makes for a reason: the one that it began, also when that failed meanwhile, or a new one. */
export function beginBackup(
  tx: Tx,
  { settings, random }: Pick<Services, 'settings' | 'random'>,
  { tenant, server, runId, method, reason }: Begun,
  nowMs: number,
): BackupRow {
  const known = backupOfRun(tx, { runId, method, reason })
  if (known) return known.status === 'running' || known.status === 'complete' ? known : reopen(tx, known)
  const id = newId('bak', nowMs, random)
  const objectKey = method === 'app' ? objectKeyOf(settings, tenant.id, id) : null
  const facts = { tenantId: tenant.id, runId, serverId: server.id, method, reason, objectKey }
  return tx
    .insert(backups)
    .values({ id, ...facts, status: 'running', release: tenant.release, createdAt: nowMs })
    .returning()
    .get()
}

/** Where a tenant's backup is in our storage: under a prefix of its own. */
export function objectKeyOf(
  { installationId }: Pick<Services['settings'], 'installationId'>,
  tenantId: string,
  backupId: string,
): string {
  return `${installationId}/tenants/${tenantId}/${backupId}.age`
}

/** Whatever was left of it may have been cleared away. */
function reopen(tx: Tx, { id, status, imageId }: BackupRow): BackupRow {
  const change = { error: null, expiresAt: null, removedAt: null }
  return tx
    .update(backups)
    .set({ ...change, status: 'running', imageId: status === 'removed' ? null : imageId })
    .where(eq(backups.id, id))
    .returning()
    .get()
}

/** The backup is whole and where it belongs; from now on it is kept for as long as the tenant's plan says. */
export function completeBackup(
  tx: Tx,
  { catalog }: Pick<Services, 'catalog'>,
  backup: BackupRow,
  facts: Pick<BackupRow, 'sizeBytes'> & Partial<BackupRow>,
  nowMs: number,
): void {
  const { planId, deleteAt } = getTenant(tx, backup.tenantId)
  const { retentionDays } = catalog.plan(planId).plan.backups
  // A last copy is for the time after the tenant is gone.
  const fromMs = backup.reason === 'before_deletion' ? Math.max(nowMs, deleteAt ?? 0) : nowMs
  const expiresAt = expiryOf(fromMs, retentionDays)
  tx.update(backups)
    .set({ ...facts, status: 'complete', error: null, completedAt: nowMs, expiresAt })
    .where(eq(backups.id, backup.id))
    .run()
}

/** What there is to come back to when a tenant is gone: counted from its deletion on, however long that took. */
export function keepLastBackups(
  tx: Tx,
  { catalog }: Pick<Services, 'catalog'>,
  { id, planId }: Pick<TenantRow, 'id' | 'planId'>,
  deletedAtMs: number,
): void {
  const until = expiryOf(deletedAtMs, catalog.plan(planId).plan.backups.retentionDays)
  const mine = and(eq(backups.tenantId, id), eq(backups.status, 'complete'), lt(backups.expiresAt, until))
  const newest = latestBackup(tx, id, 'app') ?? latestBackup(tx, id)
  const isLast = or(eq(backups.reason, 'before_deletion'), eq(backups.id, newest?.id ?? ''))
  tx.update(backups).set({ expiresAt: until }).where(and(mine, isLast)).run()
}

/** What a run has begun to copy and not finished is no backup; whatever is left of it is removed a day later. */
export function failBackups(tx: Tx, runId: string, error: string, nowMs: number): void {
  tx.update(backups)
    .set({ status: 'failed', error, expiresAt: failureExpiryOf(nowMs) })
    .where(and(eq(backups.runId, runId), eq(backups.status, 'running')))
    .run()
}

/** A backup by its id. Throws `not_found`. */
export function getBackup(db: Reader, backupId: string): BackupRow {
  const backup = db.select().from(backups).where(eq(backups.id, backupId)).get()
  if (!backup) throw notFound('There is no such backup.')
  return backup
}

/** The backup that a run has made, or makes, for a reason. */
export function backupOfRun(
  db: Reader,
  { runId, method, reason }: { runId: string; method?: BackupMethod; reason: BackupReason },
): BackupRow | undefined {
  return madeByRun(db).get({ runId, reason, method: method ?? null })
}

const madeByRun = prepared((db) => {
  const method = sql.placeholder('method')
  const mine = and(eq(backups.runId, sql.placeholder('runId')), eq(backups.reason, sql.placeholder('reason')))
  return db
    .select()
    .from(backups)
    .where(and(mine, sql`(${method} IS NULL OR ${backups.method} = ${method})`))
    .orderBy(desc(backups.createdAt))
    .limit(1)
    .prepare()
})

/** A tenant's newest complete backup; of one method when it is given. */
export function latestBackup(db: Reader, tenantId: string, method?: BackupMethod): BackupRow | undefined {
  const complete = and(eq(backups.tenantId, tenantId), eq(backups.status, 'complete'))
  return db
    .select()
    .from(backups)
    .where(method ? and(complete, eq(backups.method, method)) : complete)
    .orderBy(desc(backups.createdAt), desc(backups.id))
    .limit(1)
    .get()
}
