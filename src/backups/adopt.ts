import { createHash } from 'node:crypto'
import type { Tx } from '../db/open'
import { backups } from '../db/schema'
import { AtlasError, conflict } from '../errors'
import type { StoredObject } from '../providers/objects'
import type { Services } from '../services'
import { storageOf } from './address'
import type { BackupRow } from './backup'
import { hasBackupKey, identityOf } from './key'

/** An age header with one recipient has some 200 bytes. */
const HEADER_BYTES_MAX = 4_096

/** A stored backup as Atlas finds it: the checksum of what is there now, and whether the tenant's key opens it. */
export type FoundBackup = StoredObject & { sha256: string; opens: boolean }

/** Under which prefix an installation keeps the backups of all its tenants. */
export const prefixOf = (installationId: string) => `${installationId}/tenants/`

/** Whose backup an object is by its key, which `objectKeyOf` made; null when it is none of this installation's. */
export function readObjectKey(
  installationId: string,
  key: string,
): { tenantId: string; backupId: string } | null {
  const prefix = prefixOf(installationId)
  if (!key.startsWith(prefix)) return null
  const [, tenantId, backupId] =
    /^(ten_[0-9a-z]+)\/(bak_[0-9a-z]+)\.age$/.exec(key.slice(prefix.length)) ?? []
  return tenantId && backupId ? { tenantId, backupId } : null
}

/** Reads a stored backup to its end. Null when there is none. */
export async function examine(
  services: Services,
  tenantId: string,
  objectKey: string,
): Promise<FoundBackup | null> {
  const storage = storageOf(services)
  const stored = await storage.head(objectKey)
  if (!stored) return null
  const hash = createHash('sha256')
  let header = Buffer.alloc(0)
  await storage.read(objectKey, (piece) => {
    hash.update(piece)
    if (header.length < HEADER_BYTES_MAX) header = Buffer.concat([header, piece])
  })
  return { ...stored, sha256: hash.digest('hex'), opens: await opens(services, tenantId, header) }
}

/** The key may have been forgotten together with the backup, which nobody can open then. */
async function opens(services: Services, tenantId: string, header: Uint8Array): Promise<boolean> {
  if (!hasBackupKey(services, tenantId)) return false
  const { Decrypter } = await import('age-encryption')
  const decrypter = new Decrypter()
  decrypter.addIdentity(identityOf(services, tenantId))
  return decrypter.decryptHeader(header).then(
    () => true,
    () => false,
  )
}

/**
 * Throws `conflict` when a backup is used that was taken up from the storage, unless whoever asks knows that: its
 * checksum went with its row, and the one that it has now is that of what was found.
 */
export function requireAccepted({ adoptedAt }: Pick<BackupRow, 'adoptedAt'>, isAccepted: boolean): void {
  if (adoptedAt === null || isAccepted) return
  throw conflict(
    'This backup is unverified: Atlas’s database had forgotten it, and its checksum with it. Accept it unverified to use it all the same.',
  )
}

/**
 * Writes a stored backup down that an older database has forgotten, to be kept until `expiresAt`. One that does not open
 * is kept as long, as a failed one. Throws `conflict` when it is known by now.
 */
export function adoptBackup(
  tx: Tx,
  place: { id: string; tenantId: string; objectKey: string; expiresAt: number; adoptedAt: number },
  { sizeBytes, createdAt, sha256, opens }: FoundBackup,
): void {
  const facts = { ...place, sizeBytes, sha256, createdAt }
  const ends = opens
    ? { status: 'complete' as const, completedAt: createdAt }
    : { status: 'failed' as const, error: 'The key that opens it was forgotten, as the backup itself was.' }
  const [added] = tx
    .insert(backups)
    .values({ ...facts, ...ends, method: 'app', reason: 'scheduled' })
    .onConflictDoNothing()
    .returning({ id: backups.id })
    .all()
  if (!added) throw new AtlasError('conflict', 'Atlas knows this backup by now.')
}
