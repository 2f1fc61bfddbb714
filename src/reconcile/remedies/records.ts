import { and, eq, isNull, ne } from 'drizzle-orm'
import { networkOf } from '../../accounts/rate-limit'
import { dnsRecords, servers, tenants } from '../../db/schema'
import type { DnsRecord } from '../../providers/dns'
import { expectRecord, TTL_SECONDS } from '../../provisioning/name'
import { noteUse } from '../../quotas/quotas'
import type { Services } from '../../services'
import { getTenant, hostnameOf, serverOf } from '../../tenants/tenant'
import { type Case, type Consequence, changed, perform, type Remedy } from './remedying'

/** Points a tenant's name to the server that it lives on. */
export const restoreRecord: Remedy = async (one) => {
  const { services, finding } = one
  const { db, cloud, dns, settings, clock } = services
  const tenant = getTenant(db.read, finding.tenantId ?? '')
  const server = serverOf(db.read, tenant.id)
  const address = server.externalId ? (await cloud.getServer(server.externalId))?.ipv4 : null
  const lives = tenant.status === 'active' || tenant.status === 'suspended'
  const name = hostnameOf(tenant, settings.tenantDomain)
  if (!address || !lives || name !== one.facts.name) throw changed()
  const record: DnsRecord = { name, type: 'A', values: [address], ttlSeconds: TTL_SECONDS }
  expectRecord(db, { tenantId: tenant.id, name, value: address }, clock.now())
  const summary = { name, type: 'A', value: address }
  const { changeId } = await perform(
    one,
    { provider: 'route53', verb: 'upsertRecord', key: `${name} A`, summary },
    () => dns.upsertRecord(record),
  )
  return (tx) => {
    tx.update(dnsRecords).set({ changeId }).where(liveRow(record)).run()
  }
}

/** Removes a record that leads where nothing of ours is, or that no tenant needs. */
export const deleteRecord: Remedy = async (one) => {
  const { services, facts } = one
  const name = String(facts.name)
  const type = facts.type === 'AAAA' ? 'AAAA' : 'A'
  const present = await services.dns.findRecord(name, type)
  if (!present) return forget(services, { name, type })
  if (present.values.join(', ') !== facts.values) throw changed()
  await requireUnneeded(one, present)
  const summary = { name, type, value: present.values.join(', ') }
  const reply = await perform(
    one,
    { provider: 'route53', verb: 'deleteRecord', key: `${name} ${type}`, summary },
    () => services.dns.deleteRecord(present),
  )
  return forget(services, present, reply?.changeId)
}

/** A name of a living tenant may lead to its servers; and only what leads nowhere of ours is dangling. */
async function requireUnneeded({ services, finding }: Case, { name, values }: DnsRecord): Promise<void> {
  const { db, cloud, settings } = services
  const holder = db.read
    .select()
    .from(tenants)
    .where(ne(tenants.status, 'deleted'))
    .all()
    .find((tenant) => hostnameOf(tenant, settings.tenantDomain) === name)
  if (finding.kind === 'record_stray') {
    if (holder) throw changed()
    return
  }
  const wanted = new Set(values.map(networkOf))
  const had = db.read
    .select()
    .from(servers)
    .where(isNull(servers.deletedAt))
    .all()
    .filter(({ tenantId, ipv4, ipv6 }) => {
      if (finding.kind === 'record_elsewhere' && tenantId !== holder?.id) return false
      return [ipv4, ipv6].some((address) => address !== null && wanted.has(networkOf(address)))
    })
  for (const { externalId } of had) {
    if (externalId !== null && (await cloud.getServer(externalId))) throw changed()
  }
}

/** Our row of the record is history from now on. */
function forget(
  services: Services,
  record: Pick<DnsRecord, 'name' | 'type'>,
  changeId?: string,
): Consequence {
  return (tx, nowMs) => {
    tx.update(dnsRecords)
      .set({ deletedAt: nowMs, changeId: changeId ?? null })
      .where(liveRow(record))
      .run()
    if (changeId) noteUse(tx, services, { records: -1 }, nowMs)
  }
}

function liveRow({ name, type }: Pick<DnsRecord, 'name' | 'type'>) {
  return and(eq(dnsRecords.name, name), eq(dnsRecords.type, type), isNull(dnsRecords.deletedAt))
}
