import { and, eq, gt, inArray, or, sql } from 'drizzle-orm'
import { keptUntil } from '../backups/removal'
import type { Plan } from '../catalog/blueprint'
import type { Reader } from '../db/open'
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
    tenants: readTenants(read),
    servers: read.select().from(servers).all(),
    records: read.select().from(dnsRecords).all(),
    organizations: read
      .select({ id: organizations.id, stripeCustomerId: organizations.stripeCustomerId })
      .from(organizations)
      .all(),
    subscriptions: read.select().from(subscriptions).all(),
    signups: readSignups(read),
    images: readImages(read),
    offers: catalog.offers,
    busy: busyTenants(read, sinceMs),
  }
}

function readTenants(read: Reader): KnownTenant[] {
  const { id, organizationId, planId, subdomain, status, suspendedFor, updatedAt } = tenants
  return read
    .select({ id, organizationId, planId, subdomain, status, suspendedFor, updatedAt })
    .from(tenants)
    .all()
}

function readSignups(read: Reader): KnownSignup[] {
  const { id, subdomain, status, organizationId, checkoutId, updatedAt } = signups
  return read.select({ id, subdomain, status, organizationId, checkoutId, updatedAt }).from(signups).all()
}

function readImages(read: Reader): KnownImage[] {
  const { id, tenantId, imageId, status, method } = backups
  const columns = { id, tenantId, imageId, status, expiresAt: keptUntil() }
  return read.select(columns).from(backups).where(eq(method, 'image')).all()
}

/**
 * Tenants with a live run, with one that ended after `sinceMs`, or whose latest one stopped half-way: its retry or undo
 * reckons with things as it left them.
 */
export function busyTenants(read: Reader, sinceMs: number): Set<string> {
  const busy = read
    .select({ tenantId: runs.tenantId })
    .from(runs)
    .where(or(inArray(runs.status, [...LIVE]), gt(runs.finishedAt, sinceMs)))
    .all()
  const stopped = read
    .select({ tenantId: runs.tenantId, kind: runs.kind, status: runs.status })
    .from(runs)
    .where(
      and(
        eq(runs.status, 'failed'),
        sql`NOT EXISTS (SELECT 1 FROM runs later WHERE later.tenant_id = ${runs.tenantId}
          AND later.created_at > ${runs.createdAt})`,
      ),
    )
    .all()
  return new Set([...busy, ...stopped.filter(isHalfWay)].map(({ tenantId }) => tenantId))
}
