import type { CloudServer } from '../../providers/cloud'
import { type Difference, difference, type Findings } from '../difference'
import type { Ground } from '../ground'
import { monthlyOf } from '../ground'
import type { KnownServer, KnownTenant } from '../known'

/** Servers that are there and should not be, and those that should be there and are not. */
export function* compareServers(ground: Ground): Findings {
  const { snapshot, known } = ground
  for (const server of snapshot.servers) yield strayServer(ground, server)
  for (const tenant of known.tenants) yield goneServer(ground, tenant)
}

/** What is wrong with a server of ours being there; null when it is in its place. */
function strayServer(ground: Ground, server: CloudServer): Difference | null {
  if (!ground.isOurs(server.labels) || server.status === 'deleting' || ground.isYoung(server.createdAt)) {
    return null
  }
  const row = rowOf(ground, server)
  const tenant = ground.tenants.get(row?.tenantId ?? server.labels.tenant ?? '')
  if (!tenant) return stray(ground, server, null, 'server_unknown')
  if (ground.isBusy(tenant)) return null
  if (tenant.status === 'deleted' || (row && row.deletedAt !== null)) {
    return stray(ground, server, tenant, 'server_left')
  }
  if (!row) return stray(ground, server, tenant, 'server_second')
  if (row.externalId === null) return forgotten(server, row, tenant)
  if (row.externalId !== server.id) return stray(ground, server, tenant, 'server_second')
  // A move that stopped half-way is its failed run's concern; one that ended leaves no former server behind.
  return row.role === 'former' ? stray(ground, server, tenant, 'server_second') : null
}

/** The row that a server belongs to: by its id, or as its labels and its name, which are made from the row's id, say. */
function rowOf(ground: Ground, server: CloudServer): KnownServer | undefined {
  const known = ground.serverRowByExternalId.get(server.id)
  if (known) return known
  const labelled = ground.serverRowById.get(server.labels.server ?? '')
  if (labelled) return labelled
  const current = ground.currentServer.get(server.labels.tenant ?? '')
  return current?.name === server.name ? current : undefined
}

function stray(
  ground: Ground,
  server: CloudServer,
  tenant: KnownTenant | null,
  kind: 'server_unknown' | 'server_left' | 'server_second',
): Difference {
  const { id, name, serverType, location, ipv4 } = server
  const found = {
    kind,
    tenantId: tenant?.id ?? null,
    externalId: id,
    facts: { server: name, serverType, location, address: ipv4, tenant: tenant?.subdomain ?? null },
    remedy: 'delete_server' as const,
    monthly: ground.serverCost(serverType, location),
  }
  return difference(found, id)
}

function forgotten(server: CloudServer, row: KnownServer, tenant: KnownTenant): Difference {
  const found = {
    kind: 'server_forgotten' as const,
    tenantId: tenant.id,
    externalId: server.id,
    facts: { server: server.name, row: row.id, tenant: tenant.subdomain },
    remedy: 'adopt_server' as const,
    monthly: null,
  }
  return difference(found, server.id)
}

/** A tenant that should live on a server which its cloud does not have. */
function goneServer(ground: Ground, tenant: KnownTenant): Difference | null {
  const row = ground.currentServer.get(tenant.id)
  const lives = tenant.status === 'active' || tenant.status === 'suspended'
  if (!lives || ground.isBusy(tenant) || !row || ground.isYoung(row.createdAt)) return null
  if (row.externalId !== null && ground.cloudServers.has(row.externalId)) return null
  // A row without an id that has its server after all is a forgotten one.
  if (row.externalId === null && ground.isMade(row)) return null
  const paid = ground.subscriptionOf.get(tenant.organizationId)
  const { amount, currency, interval } = paid ?? {}
  const isKnown = amount != null && currency != null && interval != null
  const found = {
    kind: 'server_gone' as const,
    tenantId: tenant.id,
    externalId: row.externalId,
    facts: { server: row.name, tenant: tenant.subdomain },
    remedy: null,
    monthly: isKnown ? monthlyOf({ amount, currency, interval: interval as 'month' }) : null,
  }
  return difference(found, row.id)
}
