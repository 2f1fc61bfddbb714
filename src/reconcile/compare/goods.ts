import type { CloudImage, CloudVolume, PrimaryIp } from '../../providers/cloud'
import { type Difference, difference, type Findings } from '../difference'
import { by, type Ground } from '../ground'
import type { KnownServer, KnownTenant } from '../known'
import type { KnownImage } from '../known-backups'

/** How long an expired backup may wait for the line of the schedule that removes it. */
const REMOVAL_LASTS_MS = 86_400_000

/** Addresses, images and volumes that are paid for and serve nobody. */
export function* compareGoods(ground: Ground): Findings {
  const { addresses, images, volumes } = ground.snapshot
  const owners = ownersOf(ground.known.servers)
  const byImage = by(ground.known.images, ({ imageId }) => imageId)
  const byId = by(ground.known.images, ({ id }) => id)
  const keptIn = ({ id, labels }: CloudImage) => byImage.get(id) ?? byId.get(labels.backup ?? '')
  for (const address of addresses) yield unassigned(ground, address, owners)
  for (const image of images) yield leftImage(ground, image, keptIn(image))
  for (const volume of volumes) yield leftVolume(ground, volume)
}

function unassigned(ground: Ground, address: PrimaryIp, owners: Map<string, KnownServer>): Difference | null {
  const row = owners.get(address.id) ?? owners.get(address.ip)
  const isOurs = row !== undefined || ground.isOurs(address.labels)
  if (!isOurs || address.serverId !== null || ground.isYoung(address.createdAt)) return null
  const tenant = ground.tenants.get(row?.tenantId ?? '')
  if (tenant && ground.isBusy(tenant)) return null
  const isAwaited = tenant !== undefined && tenant.status !== 'deleted' && row?.role === 'current'
  const found = {
    kind: 'address_unassigned' as const,
    tenantId: tenant?.id ?? null,
    externalId: address.id,
    facts: { address: address.ip, server: row?.name ?? null, tenant: tenant?.subdomain ?? null, isAwaited },
    remedy: isAwaited ? null : ('release_address' as const),
    monthly: ground.addressCost(address),
  }
  return difference(found, address.id)
}

/**
 * The rows by their addresses' ids; by the address only where a row never knew the id, as the cloud hands addresses on
 * to others. Of two that had one, the later.
 */
function ownersOf(servers: KnownServer[]): Map<string, KnownServer> {
  const owners = new Map<string, KnownServer>()
  for (const server of servers) {
    for (const key of [server.ipv4Id ?? server.ipv4, server.ipv6Id ?? server.ipv6]) {
      if (key !== null && (owners.get(key)?.createdAt ?? 0) <= server.createdAt) owners.set(key, server)
    }
  }
  return owners
}

function leftImage(ground: Ground, image: CloudImage, kept: KnownImage | undefined): Difference | null {
  if (image.type !== 'snapshot' || !ground.isOurs(image.labels) || ground.isYoung(image.createdAt))
    return null
  const tenant = ground.tenants.get(kept?.tenantId ?? image.labels.tenant ?? '')
  if (tenant && ground.isBusy(tenant)) return null
  const why = whyLeft(ground, kept)
  if (why === null) return null
  const facts = { image: image.description, sizeGb: image.sizeGb, tenant: tenant?.subdomain ?? null, why }
  return difference(
    {
      kind: 'image_left',
      tenantId: tenant?.id ?? null,
      externalId: image.id,
      facts,
      remedy: 'delete_image',
      monthly: ground.imageCost(image),
    },
    image.id,
  )
}

function whyLeft({ nowMs }: Ground, kept: KnownImage | undefined): string | null {
  if (!kept) return 'no backup of Atlas’s is kept in it'
  if (kept.status === 'removed') return 'its backup is removed'
  const isOver = kept.expiresAt !== null && kept.expiresAt + REMOVAL_LASTS_MS < nowMs
  if (!isOver) return null
  return kept.status === 'failed' ? 'its backup has failed' : 'its time is over'
}

function leftVolume(ground: Ground, volume: CloudVolume): Difference | null {
  if (!ground.isOurs(volume.labels) || ground.isYoung(volume.createdAt)) return null
  const tenant: KnownTenant | undefined = ground.tenants.get(volume.labels.tenant ?? '')
  if (tenant && (ground.isBusy(tenant) || tenant.status !== 'deleted')) return null
  const { id, name, sizeGb, serverId } = volume
  const found = {
    kind: 'volume_left' as const,
    tenantId: tenant?.id ?? null,
    externalId: id,
    facts: { volume: name, sizeGb, tenant: tenant?.subdomain ?? null, isAttached: serverId !== null },
    remedy: serverId === null ? ('delete_volume' as const) : null,
    monthly: ground.volumeCost(volume),
  }
  return difference(found, id)
}
