import type { DnsRecord } from '../../providers/dns'
import { judgeForm } from '../../signups/subdomain'
import { type Difference, difference, type Facts, type Findings, type Kind } from '../difference'
import type { Ground } from '../ground'
import type { KnownTenant } from '../known'
import type { RemedyName } from '../remedy'

/** Names that lead elsewhere than to the tenant they belong to, or nowhere. */
export function* compareRecords(ground: Ground): Findings {
  const { snapshot, known } = ground
  const pointed = new Set<string>()
  for (const record of snapshot.records) {
    if (record.type === 'A') pointed.add(record.name)
    yield wrongRecord(ground, record)
  }
  for (const tenant of known.tenants) yield missingRecord(ground, tenant, pointed)
}

/** What is wrong with a record; null when nothing is, or when it is none of ours. */
function wrongRecord(ground: Ground, record: DnsRecord): Difference | null {
  const ending = `.${ground.known.tenantDomain}`
  // An alias has no values: it was set up by somebody for a purpose of theirs.
  if (!record.name.endsWith(ending) || record.values.length === 0) return null
  const tenant = ground.tenantByName.get(record.name.slice(0, -ending.length))
  if (tenant && ground.isBusy(tenant)) return null
  const address = tenant ? addressOf(ground, tenant) : null
  if (record.values.some((value) => !ground.holds(value))) return dangling(ground, record, tenant, address)
  if (tenant && lives(tenant)) return elsewhere(ground, record, tenant, address)
  if (tenant && tenant.status !== 'deleted') return premature(ground, record, tenant)
  // A name that nobody has, on a server of the operator's own, is the operator's own affair.
  if (!tenant && !record.values.some((value) => ground.wasOurs(value))) return null
  return found('record_stray', record, tenant, {}, 'delete_record')
}

/** A record to an address that anybody may get: whoever gets it has the name's visitors. */
function dangling(
  ground: Ground,
  record: DnsRecord,
  tenant: KnownTenant | undefined,
  address: string | null,
): Difference | null {
  const canPointBack = record.type === 'A' && tenant && lives(tenant) && address !== null
  if (canPointBack) return found('record_dangling', record, tenant, { address }, 'restore_record')
  if (tenant || record.values.some((value) => ground.wasOurs(value))) {
    return found('record_dangling', record, tenant, { address: null }, 'delete_record')
  }
  // A name that no tenant could have was never one's: www, mail and their like.
  const label = record.name.slice(0, -ground.known.tenantDomain.length - 1)
  if (!judgeForm(label, ground.known.reservedNames).ok) return null
  return found('record_foreign', record, undefined, {}, null)
}

/** A tenant that is not live yet may have its name lead to its own server only: what else is there is in its way. */
function premature(ground: Ground, record: DnsRecord, tenant: KnownTenant): Difference | null {
  const { ipv4, ipv6 } = ground.currentServer.get(tenant.id) ?? {}
  if (record.values.every((value) => value === ipv4 || value === ipv6)) return null
  return found('record_elsewhere', record, tenant, { address: null }, 'delete_record')
}

function elsewhere(
  ground: Ground,
  record: DnsRecord,
  tenant: KnownTenant,
  address: string | null,
): Difference | null {
  const server = ground.cloudServers.get(ground.currentServer.get(tenant.id)?.externalId ?? '')
  if (!server || address === null) return null
  if (record.type === 'AAAA') {
    if (record.values.every((value) => value === server.ipv6)) return null
    return found('record_elsewhere', record, tenant, { address: server.ipv6 }, 'delete_record')
  }
  if (record.values.length === 1 && record.values[0] === address) return null
  return found('record_elsewhere', record, tenant, { address }, 'restore_record')
}

function missingRecord(ground: Ground, tenant: KnownTenant, pointed: Set<string>): Difference | null {
  if (!lives(tenant) || ground.isBusy(tenant)) return null
  const name = `${tenant.subdomain}.${ground.known.tenantDomain}`
  const address = addressOf(ground, tenant)
  if (pointed.has(name) || address === null) return null
  const record: DnsRecord = { name, type: 'A', values: [], ttlSeconds: 0 }
  return found('record_missing', record, tenant, { address }, 'restore_record')
}

/** Where a tenant's name should lead; null when its cloud has no server of it. */
function addressOf(ground: Ground, tenant: KnownTenant): string | null {
  return ground.cloudServers.get(ground.currentServer.get(tenant.id)?.externalId ?? '')?.ipv4 ?? null
}

const lives = ({ status }: KnownTenant) => status === 'active' || status === 'suspended'

function found(
  kind: Kind,
  { name, type, values, ttlSeconds }: DnsRecord,
  tenant: KnownTenant | undefined,
  facts: Facts,
  remedy: RemedyName | null,
): Difference {
  const about = {
    name,
    type,
    values: values.join(', '),
    ttlSeconds,
    tenant: tenant?.subdomain ?? null,
    ...facts,
  }
  const tenantId = tenant?.id ?? null
  // What is to be removed is this very record: one that leads elsewhere by then has to be seen twice itself.
  const which = remedy === 'delete_record' ? [name, type, about.values] : [name, type]
  return difference(
    { kind, tenantId, externalId: null, facts: about, remedy, monthly: null },
    which.join(' '),
  )
}
