import type { TenantRow } from '../tenants/tenant'
import { currentServer, customerOf, type End, liveTenants } from './end'
import { isLive } from './holdings'
import { recordName } from './orphans'

/** Live tenants without exactly the one server that Atlas knows as theirs, in words. */
export function strangeServers({ db, holds }: End): string[] {
  return liveTenants(db).flatMap((tenant) => {
    const theirs = holds.servers.filter(({ labels }) => labels.tenant === tenant.id)
    const known = currentServer(db, tenant)?.externalId
    if (theirs.length === 1 && theirs[0]?.id === known) return []
    return [`${tenant.subdomain} (${tenant.status}) has ${theirs.length} servers`]
  })
}

/** Live tenants without exactly one A record that points to their server, in words. */
export function strangeRecords({ db, holds }: End): string[] {
  return liveTenants(db).flatMap((tenant) => {
    const theirs = holds.records.filter(({ name, type }) => type === 'A' && name === recordName(tenant))
    const address = currentServer(db, tenant)?.ipv4
    if (theirs.length === 1 && theirs[0]?.values.join() === address) return []
    return [`${tenant.subdomain} (${tenant.status}) has ${theirs.length} records, its server ${address}`]
  })
}

/** Active tenants whose app does not run, and suspended ones whose app does not stand still, in words. */
export function strangeApps({ db, holds }: End): string[] {
  return liveTenants(db).flatMap((tenant) => {
    const { externalId } = currentServer(db, tenant) ?? {}
    const app = holds.apps.find(({ serverId }) => serverId === externalId)?.app.state
    const isRight = app === (tenant.status === 'active' ? 'running' : 'stopped')
    return isRight ? [] : [`the app of ${tenant.subdomain} (${tenant.status}) is ${app}`]
  })
}

/** Live tenants that pay twice, in words. */
export function doubleSubscriptions(end: End): string[] {
  return liveTenants(end.db).flatMap((tenant) => {
    const { length } = subscriptionsOf(end, tenant)
    return length <= 1 ? [] : [`${tenant.subdomain} has ${length} subscriptions`]
  })
}

/** Live tenants that pay another price than that of their plan, in words. */
export function wrongPrices(end: End): string[] {
  return liveTenants(end.db).flatMap((tenant) => {
    const prices = subscriptionsOf(end, tenant).flatMap(({ items }) =>
      items.data.map(({ price }) => price.id),
    )
    const others = prices.filter((price) => price !== end.priceOf(tenant.planId))
    return others.map((price) => `${tenant.subdomain} has ${tenant.planId} and pays ${price}`)
  })
}

function subscriptionsOf({ db, holds }: End, tenant: TenantRow) {
  const customer = customerOf(db, tenant)
  return holds.subscriptions.filter((one) => one.customer === customer && isLive(one))
}
