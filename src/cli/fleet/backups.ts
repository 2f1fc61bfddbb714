import { type BackupMethod, type BackupRow, objectKeyOf } from '../../backups/backup'
import { slotOf } from '../../backups/due'
import { expiryOf } from '../../backups/retention'
import { newId } from '../../ids'
import type { Ground } from './ground'
import type { PastBackup } from './past-backup'
import type { Tenancy } from './tenancy'

const HOUR_MS = 3_600_000
const BYTES_PER_GB = 1_000_000_000
const TAKES_MS = 3_000

/** The latest backups that the clock has made of a tenant that is live since `liveAt`, in the clouds and as rows. */
export function settleBackups(
  ground: Ground,
  tenancy: Tenancy,
  server: PastServer,
  liveAt: number,
): BackupRow[] {
  const { everyHours, imagesEveryDays } = tenancy.lot.entry.plan.backups
  const { past } = tenancy.lot
  const appAt = past && latestAt(ground, tenancy, 'app', everyHours, liveAt)
  const imageAt = latestAt(ground, tenancy, 'image', imagesEveryDays * 24, liveAt)
  return [
    ...(past && appAt ? [settleApp(ground, tenancy, past, appAt)] : []),
    ...(imageAt ? [settleImage(ground, tenancy, server, imageAt)] : []),
  ]
}

type PastServer = { id: string; hostKey: string }

function settleApp({ services, clouds }: Ground, tenancy: Tenancy, past: PastBackup, at: number): BackupRow {
  const id = newId('bak', at)
  const objectKey = objectKeyOf(services.settings, tenancy.ids.tenant, id)
  clouds.s3.seed(objectKey, past.bytes, at)
  const { bytes, sha256 } = past
  return { ...rowOf(tenancy, 'app', id, at), objectKey, sizeBytes: bytes.length, sha256 }
}

function settleImage(
  { services, clouds }: Ground,
  tenancy: Tenancy,
  server: PastServer,
  at: number,
): BackupRow {
  const { lot, ids, serverName } = tenancy
  const id = newId('bak', at)
  const image = clouds.hetzner.seedSnapshot({
    description: `${serverName}, scheduled`,
    serverId: server.id,
    diskGb: lot.diskGb,
    disk: clouds.machines.snapshot(server.id),
    labels: { atlas: services.settings.installationId, tenant: ids.tenant, backup: id },
    createdAt: at,
  })
  const sizeBytes = Math.round(image.sizeGb * BYTES_PER_GB)
  return { ...rowOf(tenancy, 'image', id, at), imageId: image.id, sizeBytes, hostKey: server.hostKey }
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
