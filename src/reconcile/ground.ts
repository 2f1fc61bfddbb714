import { networkOf } from '../accounts/rate-limit'
import type { Money } from '../billing/money'
import type { CloudImage, CloudServer, CloudVolume, PrimaryIp } from '../providers/cloud'
import type { PaidSubscription } from '../providers/payments'
import type { Known, KnownServer, KnownSubscription, KnownTenant, Offer } from './known'
import type { Snapshot } from './snapshot'
import { walk } from './walk'

/** What began or changed less than this before a look may be on one side only, and is nobody's mistake. */
export const YOUNG_MS = 5 * 60_000

/** The two sides of a comparison, each thing found by what it is asked for. */
export type Ground = {
  snapshot: Snapshot
  known: Known
  nowMs: number
  isYoung(atMs: number): boolean
  isOurs(labels: Record<string, string>): boolean
  tenants: Map<string, KnownTenant>
  /** The tenant that has a name, or the last one that had it. */
  tenantByName: Map<string, KnownTenant>
  /** Whether it is in change, so that nothing about it can be said. */
  isBusy(tenant: KnownTenant): boolean
  /** The server that each tenant lives on, as our rows have it. */
  currentServer: Map<string, KnownServer>
  serverRowById: Map<string, KnownServer>
  serverRowByExternalId: Map<string, KnownServer>
  cloudServers: Map<string, CloudServer>
  /** Whether a server of ours is there that was made for this row, by its label or its name. */
  isMade(row: KnownServer): boolean
  /** Whether the project has this address, so that no stranger can get it. */
  holds(address: string): boolean
  /** Whether an address is, or ever was, of a tenant of ours, or of a server with our label. */
  wasOurs(address: string): boolean
  offers: Map<string, Offer>
  /** By the price at Stripe. */
  offerByPrice: Map<string, Offer>
  /** By their organization. */
  subscriptionOf: Map<string, KnownSubscription>
  mirrorByStripeId: Map<string, KnownSubscription>
  /** What things cost a month, net; null for what has no price, such as a type that is no longer sold. */
  serverCost(serverType: string | null, location: string | null): Money | null
  addressCost(address: PrimaryIp): Money | null
  imageCost(image: CloudImage): Money | null
  volumeCost(volume: CloudVolume): Money | null
}

/** Finds the things of both sides for a comparison; nothing is asked outside. */
export async function groundOf(snapshot: Snapshot, known: Known, nowMs: number): Promise<Ground> {
  const isYoung = (atMs: number) => atMs > snapshot.takenAt - YOUNG_MS
  const held = await networksOf(
    snapshot.addresses.map(({ ip }) => ip),
    snapshot.servers,
  )
  const isOurs = (labels: Record<string, string>) => labels.atlas === known.installationId
  const ours = snapshot.servers.filter(({ labels }) => isOurs(labels))
  const madeFor = new Set(ours.flatMap(({ labels, name }) => [labels.server ?? '', name]))
  const ever = await networksOf(
    known.records.map(({ value }) => value),
    [...known.servers, ...ours],
  )
  const current = known.servers.filter(({ role, deletedAt }) => role === 'current' && deletedAt === null)
  const types = by(snapshot.serverTypes, ({ name }) => name)
  const prices = snapshot.cloudPrices
  const costs = (cents: number | undefined) =>
    cents === undefined ? null : { amount: Math.round(cents), currency: prices.currency }
  return {
    snapshot,
    known,
    nowMs,
    isYoung,
    isOurs,
    tenants: by(known.tenants, ({ id }) => id),
    tenantByName: namesOf(known.tenants),
    isBusy: (tenant) => known.busy.has(tenant.id) || isYoung(tenant.updatedAt),
    currentServer: by(current, ({ tenantId }) => tenantId),
    serverRowById: by(known.servers, ({ id }) => id),
    serverRowByExternalId: by(known.servers, ({ externalId }) => externalId),
    cloudServers: by(snapshot.servers, ({ id }) => id),
    isMade: ({ id, name }) => madeFor.has(id) || madeFor.has(name),
    holds: (address) => held.has(networkOf(address)),
    wasOurs: (address) => ever.has(networkOf(address)),
    offers: by(known.offers, ({ id }) => id),
    offerByPrice: by(known.offers, ({ priceId }) => priceId),
    subscriptionOf: by(known.subscriptions, ({ organizationId }) => organizationId),
    mirrorByStripeId: by(known.subscriptions, ({ stripeId }) => stripeId),
    serverCost: (serverType, location) => costs(types.get(serverType ?? '')?.monthlyCents[location ?? '']),
    addressCost: ({ type, location }) => costs(prices.addressCents[type][location]),
    imageCost: ({ sizeGb }) => costs(sizeGb === null ? undefined : sizeGb * prices.imageGbCents),
    volumeCost: ({ sizeGb }) => costs(sizeGb * prices.volumeGbCents),
  }
}

/** What a subscription costs its customer a month. */
export function monthlyOf({
  amount,
  currency,
  interval,
}: Pick<PaidSubscription, 'amount' | 'currency' | 'interval'>): Money | null {
  if (interval === 'month') return { amount, currency }
  return interval === 'year' ? { amount: Math.round(amount / 12), currency } : null
}

/** Things by a key; the last of those that share one. */
export function by<T>(things: readonly T[], keyOf: (thing: T) => string | null): Map<string, T> {
  const found = new Map<string, T>()
  for (const thing of things) {
    const key = keyOf(thing)
    if (key !== null) found.set(key, thing)
  }
  return found
}

// A server has a whole network of IPv6 addresses, so one of them stands for all.
async function networksOf(
  addresses: string[],
  owners: { ipv4: string | null; ipv6: string | null }[],
): Promise<Set<string>> {
  const own = owners.flatMap(({ ipv4, ipv6 }) => [ipv4, ipv6].filter((one) => one !== null))
  return new Set(await walk(networks(new Set([...addresses, ...own]))))
}

function* networks(addresses: Iterable<string>): Generator<string> {
  for (const address of addresses) yield networkOf(address)
}

function namesOf(tenants: KnownTenant[]): Map<string, KnownTenant> {
  const names = new Map<string, KnownTenant>()
  for (const tenant of tenants) {
    const other = names.get(tenant.subdomain)
    if (!other || other.status === 'deleted') names.set(tenant.subdomain, tenant)
  }
  return names
}
