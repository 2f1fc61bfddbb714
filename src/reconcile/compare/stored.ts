import { readObjectKey } from '../../backups/adopt'
import { TRANSFER_TIMEOUT_MS } from '../../backups/copy'
import type { ListedObject } from '../../providers/objects'
import { type Difference, difference, type Findings } from '../difference'
import { by, type Ground } from '../ground'
import type { KnownTenant } from '../known'
import type { KnownCopy } from '../known-backups'
import type { RemedyName } from '../remedy'

/** Backups of apps that are in our storage, and that our rows have forgotten or no longer keep. */
export function* compareStored(ground: Ground): Findings {
  const { known, snapshot } = ground
  const copies = by(known.copies, ({ objectKey }) => objectKey)
  for (const object of snapshot.objects) yield strayBackup(ground, object, copies.get(object.key))
}

function strayBackup(ground: Ground, object: ListedObject, copy: KnownCopy | undefined): Difference | null {
  const place = readObjectKey(ground.known.installationId, object.key)
  const isYoung = object.createdAt > ground.snapshot.takenAt - TRANSFER_TIMEOUT_MS
  if (!place || isYoung || (copy && copy.status !== 'removed')) return null
  const { backupId: backup } = place
  const tenant = ground.tenants.get(place.tenantId)
  if (tenant && ground.isBusy(tenant)) return null
  if (copy)
    return found(
      object,
      tenant,
      'backup_left',
      { backup, why: 'its row says that it is removed' },
      'delete_backup',
    )
  // A tenant that is gone has a key for its backups only as long as one of them is kept.
  if (tenant && (tenant.status !== 'deleted' || ground.known.keeping.has(tenant.id)))
    return found(object, tenant, 'backup_forgotten', { backup }, 'adopt_backup')
  const why = tenant ? 'nothing else of its tenant is kept' : 'it is of a tenant that Atlas does not know'
  return found(object, tenant, 'backup_left', { backup, why }, 'delete_backup')
}

function found(
  { key, sizeBytes, createdAt }: ListedObject,
  tenant: KnownTenant | undefined,
  kind: 'backup_forgotten' | 'backup_left',
  { backup, why }: { backup: string; why?: string },
  remedy: RemedyName,
): Difference {
  const about = {
    object: key,
    sizeBytes,
    createdAt,
    tenant: tenant?.subdomain ?? null,
    backup,
    ...(why ? { why } : {}),
  }
  const tenantId = tenant?.id ?? null
  return difference({ kind, tenantId, externalId: key, facts: about, remedy, monthly: null }, key)
}
