import { and, eq, gt, inArray, or, sql } from 'drizzle-orm'
import { keptUntil } from '../backups/removal'
import type { Plan } from '../catalog/blueprint'
import type { Reader } from '../db/open'
import { prepared } from '../db/prepared'
import {
  backups,
  dnsRecords,
  organizations,
  runs,
  servers,
  signups,
  subscriptions,
  tenants,
} from '../db/schema'
import type { Services } from '../services'
import { namesKept } from '../signups/subdomain'
import { isHalfWay } from '../tenants/readiness'
import type { TenantStatus } from '../tenants/status'

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
export type KnownImage = Pick<
  typeof backups.$inferSelect,
  'id' | 'tenantId' | 'imageId' | 'status' | 'expiresAt'
>
export type KnownCopy = Pick<typeof backups.$inferSelect, 'tenantId' | 'objectKey' | 'status'>
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
  images: KnownImage[]
  /** Every backup of an app that there ever was. */
  copies: KnownCopy[]
  offers: readonly Offer[]
  /** Tenants to which something is being done, or was until lately. */
  busy: ReadonlySet<string>
}

const LIVE = ['queued', 'running', 'waiting'] as const

/** Reads our rows. A tenant whose run ended after `sinceMs` counts as busy: the clouds' lists may be older than that. */
export function readKnown({ db, settings, catalog }: Services, sinceMs: number): Known {
  const { read } = db
  return {
    installationId: settings.installationId,
    tenantDomain: settings.tenantDomain.replace(/:\d+$/, ''),
    reservedNames: namesKept({ catalog, settings }),
    tenants: allTenants(read).all(),
    servers: allServers(read).all(),
    records: allRecords(read).all(),
    organizations: allOrganizations(read).all(),
    subscriptions: allSubscriptions(read).all(),
    signups: allSignups(read).all(),
    images: allImages(read).all(),
    copies: allCopies(read).all(),
    offers: catalog.offers,
    busy: busyTenants(read, sinceMs),
  }
}

const allServers = prepared((read) => read.select().from(servers).prepare())
const allRecords = prepared((read) => read.select().from(dnsRecords).prepare())
const allSubscriptions = prepared((read) => read.select().from(subscriptions).prepare())

const allOrganizations = prepared((read) => {
  const { id, stripeCustomerId } = organizations
  return read.select({ id, stripeCustomerId }).from(organizations).prepare()
})

const allTenants = prepared((read) => {
  const { id, organizationId, planId, subdomain, status, suspendedFor, updatedAt } = tenants
  const columns = { id, organizationId, planId, subdomain, status, suspendedFor, updatedAt }
  return read.select(columns).from(tenants).prepare()
})

const allSignups = prepared((read) => {
  const { id, subdomain, status, organizationId, checkoutId, updatedAt } = signups
  const columns = { id, subdomain, status, organizationId, checkoutId, updatedAt }
  return read.select(columns).from(signups).prepare()
})

const allImages = prepared((read) => {
  const { id, tenantId, imageId, status, method } = backups
  const columns = { id, tenantId, imageId, status, expiresAt: keptUntil() }
  return read.select(columns).from(backups).where(eq(method, 'image')).prepare()
})

const allCopies = prepared((read) => {
  const { tenantId, objectKey, status, method } = backups
  return read.select({ tenantId, objectKey, status }).from(backups).where(eq(method, 'app')).prepare()
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
