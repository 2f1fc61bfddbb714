import { and, asc, eq, inArray, lte, or, type SQL, sql } from 'drizzle-orm'
import { ATLAS, audit } from '../audit'
import type { Reader } from '../db/open'
import { prepared } from '../db/prepared'
import { backups, runs, tenants } from '../db/schema'
import { asAtlasError } from '../errors'
import { type Intent, performEffect } from '../runs/effects'
import type { Services } from '../services'
import { destroySecrets, hasLockedBackups } from '../tenants/secrets'
import { storageOf } from './address'
import type { BackupMethod, BackupRow } from './backup'
import { failureExpiryOf } from './retention'

const AT_A_TIME_MAX = 200
const DAY_MS = 86_400_000

/**
 * Removes the backups whose time is over, and what failed ones have left behind. The newest backup of a tenant that
 * lives stays, however old it is: it is the only one to come back to when new ones fail.
 */
export async function removeExpiredBackups(services: Services): Promise<void> {
  giveUpAbandoned(services)
  // Each sort by itself: copies that can't be removed now must not keep images from their turn, which cost money.
  if (services.objects) await removeExpired(services, 'app')
  await removeExpired(services, 'image')
}

async function removeExpired(services: Services, method: BackupMethod): Promise<void> {
  const { db, clock, log } = services
  for (const backup of expiredBackups(db.read, clock.now(), AT_A_TIME_MAX, method)) {
    try {
      await removeBackup(services, backup)
    } catch (thrown) {
      const error = asAtlasError(thrown)
      log.error('a backup could not be removed', error, { backup: backup.id })
      if (error.code === 'unavailable') return
      db.write((tx) => tx.update(backups).set({ error: error.message }).where(idOf(backup)).run())
    }
  }
}

const expired = prepared((db) => {
  const [nowMs, method] = [sql.placeholder('nowMs'), sql.placeholder('method')]
  const isMeant = sql`(${method} IS NULL OR ${backups.method} = ${method})`
  // In literals: SQLite uses no partial index for bound values, and there are dozens of backups for each tenant.
  const isOver = and(sql`${backups.status} IN ('complete', 'failed')`, lte(backups.expiresAt, nowMs))
  return db
    .select()
    .from(backups)
    .where(and(isOver, isMeant, lte(keptUntil(), nowMs), sql`NOT ${isInUse()}`))
    .orderBy(asc(backups.expiresAt))
    .limit(sql.placeholder('limit'))
    .prepare()
})

/** Backups that are no longer kept, the longest overdue first; of one method when it is given. */
export function expiredBackups(db: Reader, nowMs: number, limit: number, method?: BackupMethod): BackupRow[] {
  return expired(db).all({ nowMs, limit, method: method ?? null })
}

/** Whether a run that lives, or that failed and may still be retried or undone, is about this backup or has made it. */
function isInUse(): SQL<number> {
  return sql<number>`(backups.status = 'complete' AND EXISTS (SELECT 1 FROM runs WHERE runs.tenant_id = backups.tenant_id
    AND (runs.status IN ('queued', 'running', 'waiting') OR (runs.status = 'failed' AND runs.created_at =
      (SELECT max(latest.created_at) FROM runs AS latest WHERE latest.tenant_id = runs.tenant_id)))
    AND (runs.id = backups.run_id OR json_extract(runs.input, '$.backupId') = backups.id)))`
}

/**
 * When a backup's time ends, in UTC milliseconds. Null for the last resort of a tenant that lives: its newest complete
 * backup of the app, which can go to any server; where there is none, its newest image.
 */
export function keptUntil(): SQL<number | null> {
  // Written out, because in a list of columns the query builder leaves the table's name away.
  return sql<number | null>`CASE WHEN backups.status = 'complete'
    AND (SELECT tenants.status FROM tenants WHERE tenants.id = backups.tenant_id) <> 'deleted'
    AND backups.id = (SELECT newest.id FROM backups AS newest
      WHERE newest.tenant_id = backups.tenant_id AND newest.status = 'complete'
      ORDER BY newest.method, newest.created_at DESC LIMIT 1)
    THEN NULL ELSE backups.expires_at END`
}

async function removeBackup(services: Services, backup: BackupRow): Promise<void> {
  const { db, clock } = services
  if (backup.method === 'app') await removeObject(services, backup)
  else await removeImages(services, backup)
  const nowMs = clock.now()
  db.write((tx) => {
    tx.update(backups).set({ status: 'removed', removedAt: nowMs }).where(idOf(backup)).run()
    const detail = { backup: backup.id, made: new Date(backup.createdAt).toISOString() }
    audit(tx, nowMs, { actor: ATLAS, action: 'backup.removed', subject: backup.tenantId, detail })
    const tenant = tx.select().from(tenants).where(eq(tenants.id, backup.tenantId)).get()
    const isLast = tenant?.status === 'deleted' && !hasLockedBackups(tx, backup.tenantId)
    if (isLast) destroySecrets(tx, backup.tenantId)
  })
}

async function removeObject(services: Services, { id, tenantId, objectKey }: BackupRow): Promise<void> {
  if (!objectKey) return
  const intent: Intent = {
    provider: 's3',
    verb: 'deleteObject',
    key: objectKey,
    summary: { backup: id },
  }
  const { db, clock } = services
  await performEffect(db, clock, { subject: tenantId }, intent, () => storageOf(services).delete(objectKey))
}

/** By their label: whoever asked for an image may never have heard its id. */
async function removeImages(services: Services, { id, tenantId, imageId }: BackupRow): Promise<void> {
  const { db, clock, cloud, settings } = services
  const labels = { atlas: settings.installationId, backup: id }
  const listed = (await cloud.listOwnImages(labels)).filter((image) => image.labels.backup === id)
  const known = imageId ? [imageId] : []
  for (const image of new Set([...known, ...listed.map((one) => one.id)])) {
    const intent: Intent = {
      provider: 'hetzner',
      verb: 'deleteImage',
      key: image,
      summary: { backup: id },
    }
    await performEffect(db, clock, { subject: tenantId }, intent, () => cloud.deleteImage(image))
  }
}

const abandonedBackups = prepared((db) => {
  const isOver = or(
    inArray(runs.status, ['succeeded', 'cancelled']),
    and(eq(runs.status, 'failed'), lte(runs.finishedAt, sql.placeholder('dayAgo'))),
  )
  return (
    db
      .select({ id: backups.id })
      .from(backups)
      .innerJoin(runs, eq(runs.id, backups.runId))
      // A literal, because SQLite uses no partial index for a bound value.
      .where(and(sql`${backups.status} = 'running'`, isOver))
      .prepare()
  )
})

/** A run that has ended otherwise, or failed a day ago, leaves no backup half made. */
function giveUpAbandoned({ db, clock }: Services): void {
  const nowMs = clock.now()
  const abandoned = abandonedBackups(db.read).all({ dayAgo: nowMs - DAY_MS })
  if (abandoned.length === 0) return
  const change = { error: 'The run that made it ended without it.', expiresAt: failureExpiryOf(nowMs) }
  const ids = abandoned.map(({ id }) => id)
  db.write((tx) =>
    tx
      .update(backups)
      .set({ ...change, status: 'failed' })
      .where(inArray(backups.id, ids))
      .run(),
  )
}

const idOf = ({ id }: BackupRow) => eq(backups.id, id)
