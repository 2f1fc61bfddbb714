import { and, desc, eq, isNotNull } from 'drizzle-orm'
import { storageOf } from '../../backups/address'
import { adoptBackup, examine, readObjectKey } from '../../backups/adopt'
import { expiryOf } from '../../backups/retention'
import type { Reader } from '../../db/open'
import { backups, tenants } from '../../db/schema'
import { type Case, changed, idOf, nothingMore, perform, type Remedy } from './remedying'

/** Writes a stored backup down again that an older database has forgotten. */
export const adoptStored: Remedy = async (one) => {
  const { services } = one
  const { key, tenantId, backupId } = placeOf(one)
  if (!isAwaited(services.db.read, tenantId)) throw changed()
  const found = await examine(services, tenantId, key)
  if (!found) return nothingMore
  return (tx, nowMs) => {
    const tenant = tx.select().from(tenants).where(eq(tenants.id, tenantId)).get()
    if (!tenant) throw changed()
    const expiresAt =
      tenant.status === 'deleted'
        ? (lastKept(tx, tenantId)?.expiresAt ?? nowMs)
        : expiryOf(nowMs, services.catalog.plan(tenant.planId).plan.backups.retentionDays)
    const place = { id: backupId, tenantId, objectKey: key, expiresAt, adoptedAt: nowMs }
    adoptBackup(tx, place, found)
  }
}

/** Deletes a stored backup that no row keeps; one that no row ever knew, only when its tenant has nothing to come back to. */
export const deleteStored: Remedy = async (one) => {
  const { services } = one
  const { key, tenantId, backupId } = placeOf(one)
  const storage = storageOf(services)
  if (!(await storage.head(key))) return nothingMore
  const { read } = services.db
  const row = read.select().from(backups).where(eq(backups.objectKey, key)).get()
  if (row ? row.status !== 'removed' : isAwaited(read, tenantId)) throw changed()
  const intent = { provider: 's3', verb: 'deleteObject', key, summary: { backup: backupId } } as const
  await perform(one, intent, () => storage.delete(key))
  return nothingMore
}

/** Whose it is by its key. Throws `conflict` when it is not under this installation's prefix. */
function placeOf(one: Case) {
  const key = idOf(one)
  const place = readObjectKey(one.services.settings.installationId, key)
  if (!place) throw changed()
  return { key, ...place }
}

/** Whether anybody may want to come back to a tenant's backups: it lives, or some of them are kept. */
function isAwaited(db: Reader, tenantId: string): boolean {
  const tenant = db.select().from(tenants).where(eq(tenants.id, tenantId)).get()
  return tenant !== undefined && (tenant.status !== 'deleted' || lastKept(db, tenantId) !== undefined)
}

/** The backup of a tenant that is kept longest. */
function lastKept(db: Reader, tenantId: string) {
  const kept = and(
    eq(backups.tenantId, tenantId),
    eq(backups.status, 'complete'),
    isNotNull(backups.expiresAt),
  )
  return db.select().from(backups).where(kept).orderBy(desc(backups.expiresAt)).limit(1).get()
}
