import { prefixOf } from '../backups/adopt'
import { sleep } from '../clock'
import { AtlasError } from '../errors'
import type {
  CloudImage,
  CloudPrices,
  CloudServer,
  CloudVolume,
  PrimaryIp,
  ServerType,
} from '../providers/cloud'
import type { DnsRecord } from '../providers/dns'
import type { ListedObject } from '../providers/objects'
import type { PaidSubscription, Price } from '../providers/payments'
import type { Services } from '../services'

/** Everything that the clouds hold, as they listed it within one look. */
export type Snapshot = {
  /** When the look began: what is younger may be on one side only. */
  takenAt: number
  /** Every server of the project, also those that are not ours. */
  servers: CloudServer[]
  addresses: PrimaryIp[]
  images: CloudImage[]
  volumes: CloudVolume[]
  /** The stored backups of this installation; none without a storage. */
  objects: ListedObject[]
  records: DnsRecord[]
  recordLimit: { used: number; limit: number }
  /** Every one that has not ended. */
  subscriptions: PaidSubscription[]
  /** Stripe's own prices of what is sold, by id; null for one that Stripe does not have. */
  prices: Map<string, Price | null>
  serverTypes: ServerType[]
  cloudPrices: CloudPrices
}

/** How many of each thing a look has seen so far. */
export type Seen = Partial<Record<string, number>>

const TRIES_MAX = 6
const PAUSE_MS = 20_000

/**
 * Lists everything, one list after the other so that others have their share of the rate limits. `onSeen` is told the
 * count after each. Throws what a provider throws when it stays unavailable.
 */
export async function takeSnapshot(
  services: Services,
  onSeen: (name: string, count: number) => void,
): Promise<Snapshot> {
  const { cloud, dns, payments, objects, clock, settings } = services
  const ours = { atlas: settings.installationId }
  const takenAt = clock.now()
  const list = async <T>(name: string, ask: () => Promise<T[]>): Promise<T[]> => {
    const listed = await patiently(services, ask)
    onSeen(name, listed.length)
    return listed
  }
  return {
    takenAt,
    servers: await list('servers', () => cloud.listServers({})),
    addresses: await list('addresses', () => cloud.listPrimaryIps()),
    images: await list('images', () => cloud.listOwnImages(ours)),
    volumes: await list('volumes', () => cloud.listVolumes(ours)),
    objects: objects ? await list('backups', () => objects.list(prefixOf(settings.installationId))) : [],
    records: await list('records', () => dns.listRecords()),
    recordLimit: await patiently(services, () => dns.getRecordLimit()),
    subscriptions: await list('subscriptions', () => payments.listLiveSubscriptions()),
    prices: new Map(await list('prices', () => askPrices(services))),
    serverTypes: await patiently(services, () => cloud.listServerTypes()),
    cloudPrices: await patiently(services, () => cloud.getPrices()),
  }
}

async function askPrices({ catalog, payments }: Services): Promise<[string, Price | null][]> {
  const prices: [string, Price | null][] = []
  for (const priceId of new Set(catalog.offers.map((offer) => offer.priceId))) {
    prices.push([priceId, await orNull(() => payments.getPrice(priceId))])
  }
  return prices
}

async function orNull<T>(ask: () => Promise<T>): Promise<T | null> {
  try {
    return await ask()
  } catch (thrown) {
    if (thrown instanceof AtlasError && thrown.code === 'not_found') return null
    throw thrown
  }
}

/** A look costs many requests and nobody waits for it: it lets the others go first and asks again. */
async function patiently<T>({ clock }: Services, ask: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await ask()
    } catch (thrown) {
      const passes = thrown instanceof AtlasError && thrown.code === 'unavailable'
      if (!passes || tries === TRIES_MAX) throw thrown
      await sleep(clock, Math.max(thrown.retryAfterMs ?? 0, PAUSE_MS))
    }
  }
}
