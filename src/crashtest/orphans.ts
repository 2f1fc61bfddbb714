import { eq, inArray } from 'drizzle-orm'
import { prepared } from '../db/prepared'
import { backups, signups } from '../db/schema'
import type { TenantRow } from '../tenants/tenant'
import { customerOf, type End, liveTenants } from './end'
import { isLive } from './holdings'
import { TENANT_DOMAIN } from './shop'

const paidSignups = prepared((db) => db.select().from(signups).where(eq(signups.status, 'paid')).prepare())
const keptBackups = prepared((db) => {
  const isKept = inArray(backups.status, ['complete', 'failed'])
  return db.select().from(backups).where(isKept).prepare()
})

/** Whatever the clouds hold and nobody has, in words. */
export function orphans({ db, holds }: End): string[] {
  const live = liveTenants(db)
  const ids = new Set(live.map(({ id }) => id))
  // Whose provisioning was undone may still be approved again, or get the money back.
  const waiting = paidSignups(db).all()
  const payers = new Set([...live, ...waiting].map((one) => customerOf(db, one)))
  const names = new Set(live.map(recordName))
  const kept = keptBackups(db).all()
  const images = new Set(kept.map(({ imageId }) => imageId))
  // Whoever asked for an image may never have heard its id: what is left of a failed backup goes a day later.
  const copies = new Set(kept.map(({ id }) => id))
  const objects = new Set(kept.map(({ objectKey }) => objectKey))
  const serverIds = new Set(holds.servers.map(({ id }) => id))
  return [
    ...holds.servers
      .filter(({ labels }) => !ids.has(labels.tenant ?? ''))
      .map(({ name }) => `the server ${name}`),
    ...holds.addresses
      .filter(({ serverId }) => !serverIds.has(serverId ?? ''))
      .map(({ ip }) => `the address ${ip}`),
    ...holds.images
      .filter(
        ({ id, type, labels }) => type === 'snapshot' && !images.has(id) && !copies.has(labels.backup ?? ''),
      )
      .map(({ id }) => `the image ${id}`),
    ...holds.volumes.map(({ name }) => `the volume ${name}`),
    ...holds.records.filter(({ name }) => !names.has(name)).map(({ name }) => `the record ${name}`),
    ...holds.subscriptions
      .filter((one) => isLive(one) && !payers.has(one.customer))
      .map(({ id }) => `the subscription ${id}`),
    ...holds.objects.filter(({ key }) => !objects.has(key)).map(({ key }) => `the stored backup ${key}`),
  ].map((what) => `${what} is nobody’s`)
}

/** As the zone has it. */
export const recordName = ({ subdomain }: Pick<TenantRow, 'subdomain'>) => `${subdomain}.${TENANT_DOMAIN}.`
