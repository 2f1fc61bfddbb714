import { createHash } from 'node:crypto'
import type { Blueprint } from '../../catalog/blueprint'
import { packData } from '../../simulator/machines/transfer'

/** What the apps of one blueprint hold, backed up: nothing yet, as nobody has left a note. */
export type PastBackup = { identity: string; bytes: Uint8Array; sha256: string }

/** Makes it once for all: keys and encryption for each of thousands would take longer than everything else. */
export async function packPast({ backup }: Blueprint): Promise<PastBackup | null> {
  if (!backup) return null
  const { generateX25519Identity, identityToRecipient } = await import('age-encryption')
  const identity = await generateX25519Identity()
  const names = { dumps: backup.dumps.map(({ name }) => name), volumes: backup.volumes }
  const bytes = await packData({ ...names, data: { notes: [] } }, await identityToRecipient(identity))
  return { identity, bytes, sha256: createHash('sha256').update(bytes).digest('hex') }
}
