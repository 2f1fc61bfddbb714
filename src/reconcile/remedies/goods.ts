import { eq, or } from 'drizzle-orm'
import { keptUntil } from '../../backups/removal'
import { backups, tenants } from '../../db/schema'
import { noteUse } from '../../quotas/quotas'
import { requireUnpointed } from './pointing'
import { changed, idOf, nothingMore, perform, type Remedy, requireOurs } from './remedying'

/** Gives an address back that no server has and no name leads to. */
export const releaseAddress: Remedy = async (one) => {
  const { services } = one
  const id = idOf(one)
  const address = (await services.cloud.listPrimaryIps()).find((listed) => listed.id === id)
  if (!address) return nothingMore
  if (address.serverId !== null || address.ip !== one.facts.address) throw changed()
  await requireUnpointed(one, [address.ip])
  const summary = { address: address.ip }
  await perform(one, { provider: 'hetzner', verb: 'deletePrimaryIp', key: id, summary }, () =>
    services.cloud.deletePrimaryIp(id),
  )
  return (tx, nowMs) => noteUse(tx, services, { addresses: -1 }, nowMs)
}

/** Deletes an image that no backup of ours is kept in any more. */
export const deleteImage: Remedy = async (one) => {
  const { services } = one
  const id = idOf(one)
  const image = await services.cloud.getImage(id)
  if (!image) return nothingMore
  requireOurs(one, image.labels)
  const columns = { status: backups.status, expiresAt: keptUntil() }
  const theirs = or(eq(backups.imageId, id), eq(backups.id, image.labels.backup ?? ''))
  const kept = services.db.read.select(columns).from(backups).where(theirs).get()
  const isOver = kept?.expiresAt != null && kept.expiresAt < services.clock.now()
  if (kept && kept.status !== 'removed' && !isOver) throw changed()
  const summary = { image: image.description }
  await perform(one, { provider: 'hetzner', verb: 'deleteImage', key: id, summary }, () =>
    services.cloud.deleteImage(id),
  )
  return (tx, nowMs) => {
    tx.update(backups).set({ status: 'removed', removedAt: nowMs }).where(eq(backups.imageId, id)).run()
  }
}

/** Deletes a volume whose tenant is gone and that no server has. */
export const deleteVolume: Remedy = async (one) => {
  const { services, finding } = one
  const id = idOf(one)
  const listed = await services.cloud.listVolumes({ atlas: services.settings.installationId })
  const volume = listed.find((found) => found.id === id)
  if (!volume) return nothingMore
  requireOurs(one, volume.labels)
  const owner = finding.tenantId ?? volume.labels.tenant ?? ''
  const tenant = services.db.read.select().from(tenants).where(eq(tenants.id, owner)).get()
  if (volume.serverId !== null || (tenant && tenant.status !== 'deleted')) throw changed()
  const summary = { volume: volume.name }
  await perform(one, { provider: 'hetzner', verb: 'deleteVolume', key: id, summary }, () =>
    services.cloud.deleteVolume(id),
  )
  return nothingMore
}
