import { and, count, eq, inArray, or, type SQL, sql } from 'drizzle-orm'
import type { Reader } from '../db/open'
import { containing, inOrder, type Order, type Page, type PageWanted } from '../db/page'
import { members, plans, subscriptions, tenants, users } from '../db/schema'
import type { TenantStatus } from './status'

/** What the list can be sorted by. */
export const TENANT_SORTS = {
  subdomain: tenants.subdomain,
  plan: tenants.planId,
  status: tenants.status,
  release: tenants.release,
  created: tenants.createdAt,
}

export type TenantFilter = { q: string; status: TenantStatus | ''; plan: string } & Order<
  keyof typeof TENANT_SORTS
>

export type ListedTenant = {
  id: string
  subdomain: string
  ownerEmail: string
  planName: string
  status: TenantStatus
  /** Whether its customer owes for it. */
  isUnpaid: boolean
  release: string
  createdAt: number
}

/** Tenants that match a filter, a page of them, with the number of all that match. */
export function listTenants(db: Reader, filter: TenantFilter, page: PageWanted): Page<ListedTenant> {
  const where = and(...conditions(filter))
  const order = inOrder(TENANT_SORTS, filter, tenants.id)
  // Sorted first, so that owners are looked up for one page and not for every tenant that matches.
  const onPage = db
    .select({ id: tenants.id })
    .from(tenants)
    .where(where)
    .orderBy(...order)
    .limit(page.size)
    .offset((page.number - 1) * page.size)
  const rows = db
    .select({
      id: tenants.id,
      subdomain: tenants.subdomain,
      ownerEmail: sql<string>`coalesce(${ownerOf()}, '')`,
      planName: plans.name,
      status: tenants.status,
      isUnpaid: isUnpaid(),
      release: tenants.release,
      createdAt: tenants.createdAt,
    })
    .from(tenants)
    .innerJoin(plans, eq(plans.id, tenants.planId))
    .where(inArray(tenants.id, onPage))
    .orderBy(...order)
    .all()
  const total = db.select({ count: count() }).from(tenants).where(where).get()?.count ?? 0
  return { rows, ...page, total }
}

/** How many tenants there are in each status; deleted ones are history and left out. */
export function countTenants(db: Reader): { status: TenantStatus; count: number }[] {
  return db
    .select({ status: tenants.status, count: count() })
    .from(tenants)
    .where(sql`${tenants.status} <> 'deleted'`)
    .groupBy(tenants.status)
    .all()
}

function conditions(filter: TenantFilter): (SQL | undefined)[] {
  const pattern = containing(filter.q)
  return [
    filter.status ? eq(tenants.status, filter.status) : sql`${tenants.status} <> 'deleted'`,
    filter.plan ? eq(tenants.planId, filter.plan) : undefined,
    filter.q
      ? or(
          sql`${tenants.subdomain} LIKE ${pattern} ESCAPE '\\'`,
          sql`${tenants.organizationId} IN (${ownedBy(pattern)})`,
          eq(tenants.id, filter.q),
        )
      : undefined,
  ]
}

/** The organizations whose owner's address is like the pattern: one look through the addresses. */
function ownedBy(pattern: string): SQL {
  return sql`SELECT ${members.organizationId} FROM ${members} WHERE ${members.role} = 'owner'
    AND ${members.userId} IN (SELECT ${users.id} FROM ${users} WHERE ${users.email} LIKE ${pattern} ESCAPE '\\')`
}

function ownerOf(): SQL {
  return sql`(SELECT ${users.email} FROM ${members} JOIN ${users} ON ${users.id} = ${members.userId}
    WHERE ${members.organizationId} = ${tenants.organizationId} AND ${members.role} = 'owner' LIMIT 1)`
}

/** As isOverdue in standing.ts says it of one subscription. */
function isUnpaid(): SQL<boolean> {
  return sql`EXISTS (SELECT 1 FROM ${subscriptions} WHERE ${subscriptions.organizationId} = ${tenants.organizationId}
    AND ${subscriptions.unpaidSince} IS NOT NULL AND ${subscriptions.status} IN ('past_due', 'unpaid')
    AND ${tenants.status} <> 'deleted')`.mapWith(Boolean)
}
