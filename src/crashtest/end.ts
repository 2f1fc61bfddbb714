import { inArray } from 'drizzle-orm'
import type { Reader } from '../db/open'
import { prepared, reading } from '../db/prepared'
import { organizations, servers, tenants } from '../db/schema'
import type { TenantRow } from '../tenants/tenant'
import type { Diary } from './diary'
import type { Holdings } from './holdings'

/** The end of a story: every fault is over, and what had failed was tried again or taken back. */
export type End = {
  db: Reader
  holds: Holdings
  /** The id of a plan's price at Stripe. */
  priceOf(planId: string): string
  /** What Atlas keeps as a tenant's secrets, in the clear. */
  secretsOf(tenant: TenantRow): Record<string, string>
  /** Tenants that were live at a moment which Atlas has forgotten. */
  wentLive: ReadonlySet<string>
  /** What was seen on the way. */
  seen: readonly string[]
  /** What Atlas logged as errors. */
  complaints: readonly string[]
  /** What customers remember to have written. */
  diary: Pick<Diary, 'wanted' | 'heldBy'>
  /** Whether nothing but Atlas itself went wrong. */
  isCalm: boolean
  nowMs: number
  /** For how many days backups of a plan are kept. */
  keptDays(planId: string): number
}

const everyLiveTenant = prepared((db) =>
  db
    .select()
    .from(tenants)
    .where(inArray(tenants.status, ['active', 'suspended']).inlineParams())
    .prepare(),
)
const serverOfRole = reading(servers, 'tenantId', 'role')
const organizationById = reading(organizations, 'id')

/** Tenants that have what they pay for, or had until they were suspended. */
export function liveTenants(db: Reader): TenantRow[] {
  return everyLiveTenant(db).all()
}

/** The server that a tenant lives on, as Atlas knows it. */
export function currentServer(db: Reader, { id: tenantId }: Pick<TenantRow, 'id'>) {
  return serverOfRole(db, { tenantId, role: 'current' })
}

/** What was seen on the way of one kind, which is its first word. */
export function sawOf({ seen }: End, kind: string): string[] {
  return seen.filter((one) => one.startsWith(kind))
}

/** Whom Stripe knows an organization's payer as; null when it has none. */
export function customerOf(db: Reader, { organizationId }: { organizationId: string | null }): string | null {
  return organizationById(db, { id: organizationId ?? '' })?.stripeCustomerId ?? null
}
