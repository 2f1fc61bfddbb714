import { and, asc, count, eq, or, sql } from 'drizzle-orm'
import type { Reader } from '../db/open'
import { containing, inOrder, type Order, type Page, type PageWanted } from '../db/page'
import { plans, signups, tenants } from '../db/schema'
import type { SignupStatus } from './status'

/** What the list can be sorted by. */
export const SIGNUP_SORTS = {
  subdomain: signups.subdomain,
  plan: plans.name,
  status: signups.status,
  created: signups.createdAt,
}

export type SignupFilter = { q: string; status: SignupStatus | '' } & Order<keyof typeof SIGNUP_SORTS>

const LISTED = {
  id: signups.id,
  subdomain: signups.subdomain,
  email: signups.email,
  planName: plans.name,
  amount: plans.amount,
  currency: plans.currency,
  status: signups.status,
  createdAt: signups.createdAt,
  paidAt: signups.paidAt,
  tenantId: sql<string | null>`(SELECT ${tenants.id} FROM ${tenants}
    WHERE ${tenants.signupId} = ${signups.id} ORDER BY ${tenants.createdAt} DESC LIMIT 1)`,
}

/** Signups that match a filter. */
export function listSignups(db: Reader, filter: SignupFilter, page: PageWanted) {
  const pattern = containing(filter.q)
  const where = and(
    filter.status ? eq(signups.status, filter.status) : undefined,
    filter.q
      ? or(
          sql`${signups.subdomain} LIKE ${pattern} ESCAPE '\\'`,
          sql`${signups.email} LIKE ${pattern} ESCAPE '\\'`,
          eq(signups.id, filter.q),
        )
      : undefined,
  )
  const rows = db
    .select(LISTED)
    .from(signups)
    .innerJoin(plans, eq(plans.id, signups.planId))
    .where(where)
    .orderBy(...inOrder(SIGNUP_SORTS, filter, signups.id))
    .limit(page.size)
    .offset((page.number - 1) * page.size)
    .all()
  const total = db.select({ count: count() }).from(signups).where(where).get()?.count ?? 0
  return { rows, ...page, total } satisfies Page<(typeof rows)[number]>
}

/** Paid signups that wait for approval, the longest waiting first. */
export function waitingSignups(db: Reader, limit: number) {
  return db
    .select(LISTED)
    .from(signups)
    .innerJoin(plans, eq(plans.id, signups.planId))
    .where(eq(signups.status, 'paid'))
    .orderBy(asc(signups.paidAt))
    .limit(limit)
    .all()
}
