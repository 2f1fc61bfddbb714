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
import type { Source, Unlisted } from './source'
import { listStrayObjects } from './stray-objects'

/** Everything that the clouds hold, as they listed it within one look. What is unlisted is empty, and says nothing. */
export type Snapshot = CloudHoldings &
  ZoneHoldings &
  Sold & { objects: ListedObject[] } & {
    /** When the look began: what is younger may be on one side only. */
    takenAt: number
    unlisted: Omit<Unlisted, 'since'>[]
  }

type CloudHoldings = {
  /** Every server of the project, also those that are not ours. */
  servers: CloudServer[]
  addresses: PrimaryIp[]
  images: CloudImage[]
  volumes: CloudVolume[]
  serverTypes: ServerType[]
  cloudPrices: CloudPrices
}

type ZoneHoldings = { records: DnsRecord[]; recordLimit: { used: number; limit: number } }

type Sold = {
  /** Every one that has not ended. */
  subscriptions: PaidSubscription[]
  /** Stripe's own prices of what is sold, by id; null for one that Stripe does not have. */
  prices: Map<string, Price | null>
}

/** Told how many of a thing a look has seen so far; undefined when it turns out that it can't see all of them. */
export type OnSeen = (name: string, count: number | undefined) => void

/** Asks for a list until it is there, and tells how long it is. */
type List = <T>(name: string, ask: () => Promise<T[]>) => Promise<T[]>

const TRIES_MAX = 6
const PAUSE_MS = 20_000

/**
 * Lists everything, one list after the other so that others have their share of the rate limits. A source that refuses,
 * or stays unavailable, is left out as a whole: half of what it holds would have the rest look missing.
 */
export async function takeSnapshot(services: Services, onSeen: OnSeen): Promise<Snapshot> {
  const unlisted: Snapshot['unlisted'] = []
  const from = async <T>(source: Source, ask: (list: List) => Promise<T>, nothing: T): Promise<T> => {
    const seen: string[] = []
    const list: List = async (name, one) => {
      const listed = await patiently(services, one)
      seen.push(name)
      onSeen(name, listed.length)
      return listed
    }
    try {
      return await ask(list)
    } catch (thrown) {
      if (!(thrown instanceof AtlasError)) throw thrown
      for (const name of seen) onSeen(name, undefined)
      unlisted.push({ source, error: thrown.message })
      return nothing
    }
  }
  return {
    takenAt: services.clock.now(),
    unlisted,
    ...(await from('hetzner', (list) => listCloud(services, list), NO_CLOUD)),
    objects: await from('s3', () => listStored(services, onSeen), []),
    ...(await from('route53', (list) => listZone(services, list), NO_ZONE)),
    ...(await from('stripe', (list) => listSold(services, list), NOTHING_SOLD)),
  }
}

const NO_CLOUD: CloudHoldings = {
  ...{ servers: [], addresses: [], images: [], volumes: [], serverTypes: [] },
  cloudPrices: { currency: '', addressCents: { ipv4: {}, ipv6: {} }, imageGbCents: 0, volumeGbCents: 0 },
}
const NO_ZONE: ZoneHoldings = { records: [], recordLimit: { used: 0, limit: 0 } }
const NOTHING_SOLD: Sold = { subscriptions: [], prices: new Map() }

async function listCloud(services: Services, list: List): Promise<CloudHoldings> {
  const { cloud, settings } = services
  const ours = { atlas: settings.installationId }
  return {
    servers: await list('servers', () => cloud.listServers({})),
    addresses: await list('addresses', () => cloud.listPrimaryIps()),
    images: await list('images', () => cloud.listOwnImages(ours)),
    volumes: await list('volumes', () => cloud.listVolumes(ours)),
    serverTypes: await patiently(services, () => cloud.listServerTypes()),
    cloudPrices: await patiently(services, () => cloud.getPrices()),
  }
}

/** Of the stored backups only those that no row of ours keeps: of the others there are dozens for each tenant. */
async function listStored(services: Services, onSeen: OnSeen): Promise<ListedObject[]> {
  if (!services.objects) return []
  const { seen, strays } = await patiently(services, () => listStrayObjects(services))
  onSeen('backups', seen)
  return strays
}

async function listZone(services: Services, list: List): Promise<ZoneHoldings> {
  const { dns } = services
  return {
    records: await list('records', () => dns.listRecords()),
    recordLimit: await patiently(services, () => dns.getRecordLimit()),
  }
}

async function listSold(services: Services, list: List): Promise<Sold> {
  return {
    subscriptions: await list('subscriptions', () => services.payments.listLiveSubscriptions()),
    prices: new Map(await list('prices', () => askPrices(services))),
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
