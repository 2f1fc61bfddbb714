import type { CloudServer } from '../../providers/cloud'
import { type Difference, difference, type Facts, type Findings } from '../difference'
import type { Ground } from '../ground'
import type { KnownServer, KnownTenant } from '../known'

type Place = { ground: Ground; server: CloudServer; row: KnownServer; tenant: KnownTenant }

/** Servers that are where they belong, but are not as our rows or their plan say. */
export function* compareStates(ground: Ground): Findings {
  for (const server of ground.snapshot.servers) {
    const place = placeOf(ground, server)
    if (!place) yield null
    else for (const look of [isOff, differs, isSmall, backups]) yield look(place)
  }
}

/** Where a server is in use; null when it is not, or nothing can be said about it. */
function placeOf(ground: Ground, server: CloudServer): Place | null {
  const row = ground.serverRowByExternalId.get(server.id)
  const tenant = row && ground.tenants.get(row.tenantId)
  if (!row || !tenant || row.role !== 'current' || row.deletedAt !== null) return null
  if (tenant.status !== 'active' && tenant.status !== 'suspended') return null
  if (!ground.isOurs(server.labels) || ground.isBusy(tenant)) return null
  return { ground, server, row, tenant }
}

function isOff({ server, tenant, ground }: Place): Difference | null {
  if (server.status !== 'off' || tenant.status !== 'active') return null
  const monthly = ground.serverCost(server.serverType, server.location)
  return found({ server, tenant }, 'server_off', {}, 'power_on', monthly)
}

/** What our row says of the server and the cloud does not; what the row never knew is no contradiction. */
function differs({ server, row, tenant }: Place): Difference | null {
  const names = ['serverType', 'location', 'diskGb', 'ipv4', 'ipv6', 'ipv4Id', 'ipv6Id'] as const
  const changed = names.filter((name) => row[name] !== null && row[name] !== server[name])
  if (changed.length === 0) return null
  const words = changed.map((name) => `${WORDS[name]} ${server[name] ?? 'none'}, not ${row[name]}`)
  return found({ server, tenant }, 'server_differs', { what: words.join('; ') }, 'note_server', null)
}

const WORDS = {
  serverType: 'type',
  location: 'location',
  diskGb: 'disk of GB',
  ipv4: 'address',
  ipv6: 'IPv6 address',
  ipv4Id: 'address’s id',
  ipv6Id: 'IPv6 address’s id',
}

function isSmall({ ground, server, tenant }: Place): Difference | null {
  const offer = ground.offers.get(tenant.planId)
  const type = ground.snapshot.serverTypes.find(({ name }) => name === server.serverType)
  if (!offer || !type) return null
  const { vcpu, cpu, memoryGb } = offer.plan.server
  const isEnough =
    type.cores >= vcpu && type.memoryGb >= memoryGb && (cpu === 'shared' || type.cpuType === cpu)
  if (isEnough) return null
  const facts = { serverType: type.name, plan: offer.plan.name }
  return found({ server, tenant }, 'server_small', facts, null, null)
}

function backups({ ground, server, tenant }: Place): Difference | null {
  const offer = ground.offers.get(tenant.planId)
  if (!offer || offer.plan.backups.cloud === server.backups) return null
  const wanted = offer.plan.backups.cloud
  const facts = { wanted, plan: offer.plan.name }
  return found({ server, tenant }, 'backups_differ', facts, wanted ? 'backups_on' : 'backups_off', null)
}

function found(
  { server, tenant }: Pick<Place, 'server' | 'tenant'>,
  kind: Difference['kind'],
  facts: Facts,
  remedy: Difference['remedy'],
  monthly: Difference['monthly'],
): Difference {
  const about = { server: server.name, tenant: tenant.subdomain, ...facts }
  const externalId = server.id
  return difference({ kind, tenantId: tenant.id, externalId, facts: about, remedy, monthly }, server.id)
}
