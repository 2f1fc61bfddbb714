import { and, eq, isNotNull } from 'drizzle-orm'
import { secrets } from '../db/schema'
import { FIRST_HOST_KEY } from '../provisioning/prepare'
import { currentServer, type End, liveTenants } from './end'

/** Live tenants whose server Atlas could not be sure of, in words. */
export function strangeHostKeys({ db, holds }: End): string[] {
  return liveTenants(db).flatMap(({ id, subdomain }) => {
    const server = currentServer(db, { id })
    const machine = holds.machines.find((one) => one.id === server?.externalId)
    const first = and(eq(secrets.tenantId, id), eq(secrets.name, FIRST_HOST_KEY))
    return [
      ...(server?.hostKey === machine?.hostKey.publicKey ? [] : [`another key is known of ${subdomain}`]),
      ...(server?.nextHostKey ? [`the key of ${subdomain} is half changed`] : []),
      ...(db.select().from(secrets).where(first).get() ? [`the first key of ${subdomain} is kept`] : []),
    ]
  })
}

/** Live tenants whose secrets are not those that their server has, in words. */
export function strangeSecrets({ db, holds, secretsOf }: End): string[] {
  return liveTenants(db).flatMap((tenant) => {
    const server = currentServer(db, tenant)
    const { rotated = {} } = holds.machines.find((one) => one.id === server?.externalId) ?? {}
    const half = and(eq(secrets.tenantId, tenant.id), isNotNull(secrets.nextSealed))
    const values = Object.keys(rotated).length > 0 ? secretsOf(tenant) : {}
    const others = Object.entries(rotated).filter(([name, digest]) => sha256(values[name]) !== digest)
    return [
      ...others.map(([name]) => `the server of ${tenant.subdomain} has another ${name}`),
      ...db
        .select()
        .from(secrets)
        .where(half)
        .all()
        .map(({ name }) => `the ${name} of ${tenant.subdomain} is half changed`),
    ]
  })
}

const sha256 = (text = '') => new Bun.CryptoHasher('sha256').update(text).digest('hex')
