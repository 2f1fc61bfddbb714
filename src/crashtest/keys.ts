import { and, eq, isNotNull, sql } from 'drizzle-orm'
import { prepared, reading } from '../db/prepared'
import { secrets } from '../db/schema'
import { FIRST_HOST_KEY } from '../provisioning/prepare'
import { currentServer, type End, liveTenants } from './end'

const secretOf = reading(secrets, 'tenantId', 'name')
const halfChanged = prepared((db) => {
  const mine = eq(secrets.tenantId, sql.placeholder('tenantId'))
  return db
    .select()
    .from(secrets)
    .where(and(mine, isNotNull(secrets.nextSealed)))
    .prepare()
})

/** Live tenants whose server Atlas could not be sure of, in words. */
export function strangeHostKeys({ db, holds }: End): string[] {
  return liveTenants(db).flatMap(({ id, subdomain }) => {
    const server = currentServer(db, { id })
    const machine = holds.machines.find((one) => one.id === server?.externalId)
    return [
      ...(server?.hostKey === machine?.hostKey.publicKey ? [] : [`another key is known of ${subdomain}`]),
      ...(server?.nextHostKey ? [`the key of ${subdomain} is half changed`] : []),
      ...(secretOf(db, { tenantId: id, name: FIRST_HOST_KEY })
        ? [`the first key of ${subdomain} is kept`]
        : []),
    ]
  })
}

/** Live tenants whose secrets are not those that their server has, in words. */
export function strangeSecrets({ db, holds, secretsOf }: End): string[] {
  return liveTenants(db).flatMap((tenant) => {
    const server = currentServer(db, tenant)
    const { rotated = {} } = holds.machines.find((one) => one.id === server?.externalId) ?? {}
    const values = Object.keys(rotated).length > 0 ? secretsOf(tenant) : {}
    const others = Object.entries(rotated).filter(([name, digest]) => sha256(values[name]) !== digest)
    return [
      ...others.map(([name]) => `the server of ${tenant.subdomain} has another ${name}`),
      ...halfChanged(db)
        .all({ tenantId: tenant.id })
        .map(({ name }) => `the ${name} of ${tenant.subdomain} is half changed`),
    ]
  })
}

const sha256 = (text = '') => new Bun.CryptoHasher('sha256').update(text).digest('hex')
