import { type Actor, audit } from '../audit'
import type { Tx } from '../db/open'
import { AtlasError, conflict, invalid } from '../errors'
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

/**
 * Hands the key of a tenant's backups to a person, who then opens them without Atlas, and records who it was. Throws
 * `invalid` unless the tenant's name was typed, `conflict` when there is no key: no backup of its app was ever made, or
 * none is kept any more.
 */
export function giveOutKey(
  tx: Tx,
  services: Services,
  tenantId: string,
  { confirmation, actor, nowMs }: { confirmation: string; actor: Actor; nowMs: number },
): { identity: string } {
  const tenant = getTenant(tx, tenantId)
  if (confirmation !== tenant.subdomain) {
    const wrong = `Type ${tenant.subdomain} to make sure that this is the one.`
    throw invalid('Some fields need another look.', { confirmation: wrong })
  }
  const identity = readSecrets(tx, services, tenant)[BACKUP_KEY]
  if (!identity) throw conflict(`${tenant.subdomain} has no key: no backup of its app is kept.`)
  audit(tx, nowMs, { actor, action: 'tenant.backup_key_given_out', subject: tenant.id })
  return { identity }
}

/** Whether there is a key of a tenant's backups. */
export function hasBackupKey(services: Services, tenantId: string): boolean {
  return keyOf(services, tenantId) !== undefined
}

function keyOf(services: Services, tenantId: string): string | undefined {
  const { read } = services.db
  return readSecrets(read, services, getTenant(read, tenantId))[BACKUP_KEY]
}
