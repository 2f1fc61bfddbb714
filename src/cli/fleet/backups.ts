import { createHash } from 'node:crypto'
import { type BackupMethod, type BackupRow, objectKeyOf } from '../../backups/backup'
import { slotOf } from '../../backups/due'
import { expiryOf } from '../../backups/retention'
import type { Blueprint } from '../../catalog/blueprint'
import { newId } from '../../ids'
import { packData } from '../../simulator/machines/transfer'
import type { Ground } from './ground'
import type { Tenancy } from './tenancy'

/** What the apps of one blueprint hold, backed up: nothing yet, as nobody has left a note. */
export type PastBackup = { identity: string; bytes: Uint8Array; sha256: string }

const HOUR_MS = 3_600_000
const BYTES_PER_GB = 1_000_000_000
const TAKES_MS = 3_000

/** Makes it once for all: keys and encryption for each of thousands would take longer than everything else. */
export async function packPast({ backup }: Blueprint): Promise<PastBackup | null> {
  if (!backup) return null
  const { generateX25519Identity, identityToRecipient } = await import('age-encryption')
  const identity = await generateX25519Identity()
  const names = { dumps: backup.dumps.map(({ name }) => name), volumes: backup.volumes }
  const bytes = await packData({ ...names, data: { notes: [] } }, await identityToRecipient(identity))
  return { identity, bytes, sha256: createHash('sha256').update(bytes).digest('hex') }
}

/** The latest backups that the clock has made of a tenant that is live since `liveAt`, in the clouds and as rows. */
export function settleBackups(
  ground: Ground,
  tenancy: Tenancy,
  server: { id: string; hostKey: string },
  liveAt: number,
): BackupRow[] {
  const { settings } = ground.services
  const { clouds } = ground
  const { lot, ids } = tenancy
  const { everyHours, imagesEveryDays } = lot.entry.plan.backups
  const rows: BackupRow[] = []
  const { past } = lot
  const appAt = past && latestAt(ground, tenancy, 'app', everyHours, liveAt)
  if (past && appAt) {
    const id = newId('bak', appAt)
    const objectKey = objectKeyOf(settings, ids.tenant, id)
    clouds.s3.seed(objectKey, past.bytes, appAt)
    const facts = { objectKey, sizeBytes: past.bytes.length, sha256: past.sha256 }
    rows.push({ ...rowOf(tenancy, 'app', id, appAt), ...facts })
  }
  const imageAt = latestAt(ground, tenancy, 'image', imagesEveryDays * 24, liveAt)
  if (imageAt) {
    const id = newId('bak', imageAt)
    const image = clouds.hetzner.seedSnapshot({
      description: `${tenancy.serverName}, scheduled`,
      serverId: server.id,
      diskGb: lot.diskGb,
      disk: clouds.machines.snapshot(server.id),
      labels: { atlas: settings.installationId, tenant: ids.tenant, backup: id },
      createdAt: imageAt,
    })
    const sizeBytes = Math.round(image.sizeGb * BYTES_PER_GB)
    const facts = { imageId: image.id, sizeBytes, hostKey: server.hostKey }
    rows.push({ ...rowOf(tenancy, 'image', id, imageAt), ...facts })
  }
  return rows
}

/** When the present slot's was begun; null when there is no such backup, or it is not that long ago. */
function latestAt(
  { services }: Ground,
  { ids }: Tenancy,
  method: BackupMethod,
  everyHours: number,
  liveAt: number,
): number | null {
  if (everyHours === 0) return null
  const beganAt = slotOf(`${ids.tenant}/${method}`, everyHours * HOUR_MS, services.clock.now())
  return beganAt > liveAt ? beganAt : null
}

function rowOf({ lot, ids }: Tenancy, method: BackupMethod, id: string, createdAt: number): BackupRow {
  const completedAt = createdAt + TAKES_MS
  return {
    id,
    tenantId: ids.tenant,
    runId: null,
    serverId: ids.server,
    method,
    reason: 'scheduled',
    status: 'complete',
    objectKey: null,
    imageId: null,
    hostKey: null,
    release: lot.entry.blueprint.release,
    sizeBytes: null,
    sha256: null,
    error: null,
    createdAt,
    completedAt,
    expiresAt: expiryOf(completedAt, lot.entry.plan.backups.retentionDays),
    removedAt: null,
    adoptedAt: null,
  }
}
