import { AtlasError } from '../errors'
import type { Services } from '../services'
import { BACKUP_KEY, readSecrets, storeSecrets } from '../tenants/secrets'
import { getTenant } from '../tenants/tenant'

/**
 * To whom a tenant's backups are encrypted: the public half of a key pair of its own (age, X25519), which is made with
 * its first backup. https://age-encryption.org/v1
 */
export async function recipientOf(services: Services, tenantId: string): Promise<string> {
  // The package comes into memory with the first backup, not with every start.
  const { generateX25519Identity, identityToRecipient } = await import('age-encryption')
  if (!keyOf(services, tenantId)) {
    const identity = await generateX25519Identity()
    const { db, clock } = services
    db.write((tx) =>
      storeSecrets(tx, services, getTenant(tx, tenantId), { [BACKUP_KEY]: identity }, clock.now()),
    )
  }
  return identityToRecipient(identityOf(services, tenantId))
}

/** What opens a tenant's backups: the private half. Throws `internal` when there is none. */
export function identityOf(services: Services, tenantId: string): string {
  const identity = keyOf(services, tenantId)
  if (!identity) throw new AtlasError('internal', 'This tenant has no key for its backups.')
  return identity
}

function keyOf(services: Services, tenantId: string): string | undefined {
  const { read } = services.db
  return readSecrets(read, services, getTenant(read, tenantId))[BACKUP_KEY]
}
