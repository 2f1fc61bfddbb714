import { and, eq, gt, inArray, or, sql } from 'drizzle-orm'
import type { Plan } from '../catalog/blueprint'
import { nextTurn } from '../clock'
import type { Reader } from '../db/open'
import { prepared } from '../db/prepared'
import { dnsRecords, organizations, runs, servers, signups, subscriptions, tenants } from '../db/schema'
import type { Services } from '../services'
import { namesKept } from '../signups/subdomain'
import { isHalfWay } from '../tenants/readiness'
import type { TenantStatus } from '../tenants/status'
import { type KnownCopy, type KnownImage, readBackups } from './known-backups'
import type { Snapshot } from './snapshot'

export type KnownTenant = {
  id: string
  organizationId: string
  planId: string
  subdomain: string
  status: TenantStatus
  suspendedFor: string | null
  updatedAt: number
}
export type KnownServer = typeof servers.$inferSelect
export type KnownRecord = typeof dnsRecords.$inferSelect
export type KnownSubscription = typeof subscriptions.$inferSelect
export type KnownSignup = Pick<
  typeof signups.$inferSelect,
  'id' | 'subdomain' | 'status' | 'organizationId' | 'checkoutId' | 'updatedAt'
>
export type Offer = { id: string; priceId: string; plan: Plan }

/** What our rows say, all of it, as far as it is compared. */
export type Known = {
  installationId: string
  /** Without a port, as DNS has it. */
  tenantDomain: string
  /** Further names that no tenant can have. */
  reservedNames: string[]
  tenants: KnownTenant[]
  servers: KnownServer[]
  records: KnownRecord[]
  organizations: { id: string; stripeCustomerId: string | null }[]
  subscriptions: KnownSubscription[]
  signups: KnownSignup[]
  /** The backups that the listed images are of. */
  images: KnownImage[]
  /** Those that the listed objects are of. */
  copies: KnownCopy[]
  /** Deleted tenants with listed objects of which other backups are kept. */
  keeping: ReadonlySet<string>
  offers: readonly Offer[]
  /** Tenants to which something is being done, or was until lately. */
  busy: ReadonlySet<string>
}

const LIVE = ['queued', 'running', 'waiting'] as const

/** How many rows are read at a time: pages and the worker have their turn in between. */
const PAGE = 1_000

/**
 * Reads our rows, as far as they are compared with what was listed. A tenant whose run ended after `sinceMs` counts as
 * busy: the clouds' lists may be older than that.
 */
export async function readKnown(services: Services, snapshot: Snapshot, sinceMs: number): Promise<Known> {
  const { db, settings, catalog } = services
  const { read } = db
  const { installationId } = settings
  return {
    installationId,
    tenantDomain: settings.tenantDomain.replace(/:\d+$/, ''),
    reservedNames: namesKept({ catalog, settings }),
    tenants: await inPages((after) => someTenants(read).all(after)),
    servers: await inPages((after) => someServers(read).all(after)),
    records: await inPages((after) => someRecords(read).all(after)),
    organizations: await inPages((after) => someOrganizations(read).all(after)),
    subscriptions: await inPages((after) => someSubscriptions(read).all(after)),
    signups: await inPages((after) => someSignups(read).all(after)),
    ...readBackups(read, installationId, snapshot),
    offers: catalog.offers,
    busy: busyTenants(read, sinceMs),
  }
}

type Place = { after: string; limit: number }

async function inPages<Row extends { id: string }>(ask: (place: Place) => Row[]): Promise<Row[]> {
  const rows: Row[] = []
  for (let page: Row[]; ; ) {
    page = ask({ after: rows.at(-1)?.id ?? '', limit: PAGE })
    rows.push(...page)
    if (page.length < PAGE) return rows
    await nextTurn()
  }
}

const { after, limit } = { after: sql.placeholder('after'), limit: sql.placeholder('limit') }

const someServers = prepared((read) =>
  read.select().from(servers).where(gt(servers.id, after)).orderBy(servers.id).limit(limit).prepare(),
)
const someRecords = prepared((read) =>
  read
    .select()
    .from(dnsRecords)
    .where(gt(dnsRecords.id, after))
    .orderBy(dnsRecords.id)
    .limit(limit)
    .prepare(),
)
const someSubscriptions = prepared((read) =>
  read
    .select()
    .from(subscriptions)
    .where(gt(subscriptions.id, after))
    .orderBy(subscriptions.id)
    .limit(limit)
    .prepare(),
)

const someOrganizations = prepared((read) => {
  const { id, stripeCustomerId } = organizations
  const columns = { id, stripeCustomerId }
  return read.select(columns).from(organizations).where(gt(id, after)).orderBy(id).limit(limit).prepare()
})

const someTenants = prepared((read) => {
  const { id, organizationId, planId, subdomain, status, suspendedFor, updatedAt } = tenants
  const columns = { id, organizationId, planId, subdomain, status, suspendedFor, updatedAt }
  return read.select(columns).from(tenants).where(gt(id, after)).orderBy(id).limit(limit).prepare()
})

const someSignups = prepared((read) => {
  const { id, subdomain, status, organizationId, checkoutId, updatedAt } = signups
  const columns = { id, subdomain, status, organizationId, checkoutId, updatedAt }
  return read.select(columns).from(signups).where(gt(id, after)).orderBy(id).limit(limit).prepare()
})

const heldSince = prepared((read) =>
  read
    .select({ tenantId: runs.tenantId })
    .from(runs)
    .where(or(inArray(runs.status, [...LIVE]), gt(runs.finishedAt, sql.placeholder('sinceMs'))))
    .prepare(),
)

const stoppedLast = prepared((read) => {
  const isLast = sql`NOT EXISTS (SELECT 1 FROM runs later WHERE later.tenant_id = ${runs.tenantId}
    AND later.created_at > ${runs.createdAt})`
  return read
    .select({ tenantId: runs.tenantId, kind: runs.kind, status: runs.status })
    .from(runs)
    .where(and(eq(runs.status, 'failed'), isLast))
    .prepare()
})

/**
 * Tenants with a live run, with one that ended after `sinceMs`, or whose latest one stopped half-way: its retry or undo
 * reckons with things as it left them.
 */
export function busyTenants(read: Reader, sinceMs: number): Set<string> {
  const busy = heldSince(read).all({ sinceMs })
  const stopped = stoppedLast(read).all()
  return new Set([...busy, ...stopped.filter(isHalfWay)].map(({ tenantId }) => tenantId))
}
