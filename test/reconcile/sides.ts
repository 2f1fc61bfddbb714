import type { Plan } from '../../src/catalog/blueprint'
import type { CloudPrices, CloudServer, ServerType } from '../../src/providers/cloud'
import type { PaidSubscription } from '../../src/providers/payments'
import { compare } from '../../src/reconcile/compare'
import type { Known, KnownServer } from '../../src/reconcile/known'
import type { Snapshot } from '../../src/reconcile/snapshot'

export const NOW = Date.UTC(2026, 10, 22, 12)
export const LONG_AGO = NOW - 86_400_000
export const JUST_NOW = NOW - 60_000
export const INSTALLATION = 'ins_1'

/** Both sides of `count` tenants on which everybody agrees. */
export class Sides {
  readonly snapshot: Snapshot
  readonly known: Known & { busy: Set<string>; keeping: Set<string> }

  constructor(count = 1) {
    const numbers = Array.from({ length: count }, (_, index) => index)
    this.snapshot = {
      takenAt: NOW,
      unlisted: [],
      servers: numbers.map(cloudServer),
      addresses: numbers.flatMap(primaryIps),
      images: [],
      volumes: [],
      objects: [],
      records: numbers.map((i) => ({ name: nameOf(i), type: 'A', values: [ipv4(i)], ttlSeconds: 60 })),
      recordLimit: { used: count + 2, limit: 10_000 },
      subscriptions: numbers.map(sale),
      prices: new Map([
        ['price_starter', { id: 'price_starter', amount: 2900, currency: 'usd', interval: 'month' }],
      ]),
      serverTypes: [SMALL, LARGE],
      cloudPrices: PRICES,
    }
    this.known = {
      installationId: INSTALLATION,
      tenantDomain: 'sites.example.net',
      reservedNames: [],
      tenants: numbers.map((i) => ({
        id: `ten_${i}`,
        organizationId: `org_${i}`,
        planId: 'shop/starter',
        subdomain: `site-${i}`,
        status: 'active',
        suspendedFor: null,
        updatedAt: LONG_AGO,
      })),
      servers: numbers.map(serverRow),
      records: numbers.map((i) => ({
        id: `rec_${i}`,
        tenantId: `ten_${i}`,
        name: nameOf(i),
        type: 'A',
        value: ipv4(i),
        ttlSeconds: 60,
        changeId: null,
        createdAt: LONG_AGO,
        deletedAt: null,
      })),
      organizations: numbers.map((i) => ({ id: `org_${i}`, stripeCustomerId: `cus_${i}` })),
      subscriptions: numbers.map(mirror),
      signups: numbers.map((i) => ({
        id: `sig_${i}`,
        subdomain: `site-${i}`,
        status: 'active',
        organizationId: `org_${i}`,
        checkoutId: `cs_${i}`,
        updatedAt: LONG_AGO,
      })),
      images: [],
      copies: [],
      keeping: new Set(),
      offers: [
        { id: 'shop/starter', priceId: 'price_starter', plan: STARTER },
        { id: 'shop/pro', priceId: 'price_pro', plan: PRO },
      ],
      busy: new Set(),
    }
  }

  /** What differs now, as `kind:remedy`. */
  async kinds(): Promise<string[]> {
    return (await this.found()).map(({ kind, remedy }) => `${kind}:${remedy ?? 'by hand'}`)
  }

  found() {
    return compare(this.snapshot, this.known, NOW)
  }

  get server() {
    return first(this.snapshot.servers)
  }
  get record() {
    return first(this.snapshot.records)
  }
  get sale() {
    return first(this.snapshot.subscriptions)
  }
  get tenant() {
    return first(this.known.tenants)
  }
  get row() {
    return first(this.known.servers)
  }
  get mirror() {
    return first(this.known.subscriptions)
  }
  get signup() {
    return first(this.known.signups)
  }

  /** The tenant is deleted, and with it everything that our rows had of it. */
  deleteTenant(): void {
    this.tenant.status = 'deleted'
    this.row.deletedAt = LONG_AGO
    for (const record of this.known.records) record.deletedAt = LONG_AGO
  }

  /** The cloud has lost the server, and with it its addresses. */
  loseServer(): void {
    this.snapshot.servers.shift()
    this.snapshot.addresses = this.snapshot.addresses.filter(({ serverId }) => serverId !== '1000')
  }
}

const first = <T>([one]: T[]): T => {
  if (!one) throw new Error('there is none')
  return one
}

const nameOf = (i: number) => `site-${i}.sites.example.net`
export const ipv4 = (i: number) => `198.18.${Math.floor(i / 250)}.${(i % 250) + 1}`
export const ipv6 = (i: number) => `2001:db8:0:${(i + 1).toString(16)}::1`

export function cloudServer(i: number): CloudServer {
  return {
    id: String(1000 + i),
    name: `site-${i}-abc`,
    status: 'running',
    ipv4: ipv4(i),
    ipv6: ipv6(i),
    ipv4Id: String(20_000 + 2 * i),
    ipv6Id: String(20_001 + 2 * i),
    serverType: 'cx23',
    location: 'nbg1',
    diskGb: 40,
    backups: false,
    labels: { atlas: INSTALLATION, tenant: `ten_${i}`, server: `srv_${i}` },
    createdAt: LONG_AGO,
  }
}

function serverRow(i: number): KnownServer {
  const { id, name, serverType, location, diskGb, ipv4, ipv6, ipv4Id, ipv6Id } = cloudServer(i)
  return {
    ...{ id: `srv_${i}`, tenantId: `ten_${i}`, role: 'current', provider: 'hetzner', name, externalId: id },
    ...{ serverType, location, diskGb, ipv4, ipv6, ipv4Id, ipv6Id },
    ...{ image: 'debian-13', hostKey: null, nextHostKey: null, createdAt: LONG_AGO, deletedAt: null },
  }
}

function primaryIps(i: number) {
  const { id: serverId, ipv4Id, ipv6Id } = cloudServer(i)
  const common = { serverId, location: 'nbg1', labels: {}, createdAt: LONG_AGO }
  return [
    { id: ipv4Id ?? '', ip: ipv4(i), type: 'ipv4' as const, ...common },
    { id: ipv6Id ?? '', ip: ipv6(i), type: 'ipv6' as const, ...common },
  ]
}

export function sale(i: number): PaidSubscription {
  return {
    id: `sub_${i}`,
    customerId: `cus_${i}`,
    status: 'active',
    priceId: 'price_starter',
    currentPeriodEnd: NOW + 86_400_000,
    cancelAtPeriodEnd: false,
    amount: 2900,
    currency: 'usd',
    interval: 'month',
    unpaidSince: null,
    latestPayment: null,
    canceledAt: null,
    signupId: `sig_${i}`,
    createdAt: LONG_AGO,
  }
}

function mirror(i: number): Known['subscriptions'][number] {
  const { id: stripeId, status, priceId, currentPeriodEnd, amount, currency, interval } = sale(i)
  return {
    ...{ id: `mir_${i}`, organizationId: `org_${i}`, stripeId, status, priceId, planId: 'shop/starter' },
    ...{ currentPeriodEnd, amount, currency, interval, cancelAtPeriodEnd: false, unpaidSince: null },
    ...{ canceledAt: null, createdAt: LONG_AGO, updatedAt: LONG_AGO },
  }
}

const STARTER: Plan = {
  key: 'starter',
  name: 'Starter',
  summary: '',
  price: { amount: 2900, currency: 'usd', interval: 'month' },
  priceVariable: 'STRIPE_PRICE_STARTER',
  approval: 'manual',
  server: { vcpu: 2, cpu: 'shared', memoryGb: 4, diskGb: 40, prefer: [] },
  limits: {},
  features: [],
  backups: { everyHours: 24, retentionDays: 7, imagesEveryDays: 0, cloud: false },
}

const PRO: Plan = {
  ...STARTER,
  key: 'pro',
  name: 'Pro',
  price: { amount: 7900, currency: 'usd', interval: 'month' },
  server: { vcpu: 4, cpu: 'dedicated', memoryGb: 8, diskGb: 80, prefer: [] },
  backups: { ...STARTER.backups, cloud: true },
}

const SMALL: ServerType = {
  name: 'cx23',
  cores: 2,
  memoryGb: 4,
  diskGb: 40,
  cpuType: 'shared',
  architecture: 'x86',
  locations: ['nbg1'],
  monthlyCents: { nbg1: 349 },
}

export const PRICES: CloudPrices = {
  currency: 'eur',
  addressCents: { ipv4: { nbg1: 50 }, ipv6: { nbg1: 0 } },
  imageGbCents: 1.19,
  volumeGbCents: 4.4,
}

const LARGE: ServerType = { ...SMALL, name: 'ccx13', cores: 4, memoryGb: 8, diskGb: 80, cpuType: 'dedicated' }
