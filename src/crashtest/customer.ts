import { and, desc, eq, sql } from 'drizzle-orm'
import type { Reader } from '../db/open'
import { prepared } from '../db/prepared'
import { signups, subscriptions, tenants } from '../db/schema'
import { notFound } from '../errors'
import type { Services } from '../services'
import type { TenantRow } from '../tenants/tenant'
import type { Customer } from './story'

/** Where a customer reads their mail. */
export const emailOf = ({ name }: Customer) => `${name}@example.com`

/** The newest tenant of a customer, if there ever was one. */
export function findTenant(db: Reader, { name }: Pick<Customer, 'name'>): TenantRow | undefined {
  return newestTenant(db).get({ name })
}

const newestTenant = prepared((db) =>
  db
    .select()
    .from(tenants)
    .where(eq(tenants.subdomain, sql.placeholder('name')))
    .orderBy(desc(tenants.createdAt))
    .limit(1)
    .prepare(),
)

/** The signup of a customer in this state. Throws `not_found`. */
export function findSignup(
  { db }: Services,
  { name }: Customer,
  status: (typeof signups.$inferSelect)['status'],
) {
  const mine = and(eq(signups.subdomain, name), eq(signups.status, status))
  const signup = db.read.select().from(signups).where(mine).get()
  if (!signup) throw notFound(`No signup of ${name} is ${status}.`)
  return signup
}

/** The newest subscription of a customer's tenant, by Stripe's id. Throws `not_found`. */
export function subscriptionOf({ db }: Services, customer: Customer): string {
  const tenant = mustFindTenant(db.read, customer)
  const mine = eq(subscriptions.organizationId, tenant.organizationId)
  const found = db.read.select().from(subscriptions).where(mine).orderBy(desc(subscriptions.createdAt)).get()
  if (!found) throw notFound('There is no subscription.')
  return found.stripeId
}

/** The newest tenant of a customer. Throws `not_found`. */
export function mustFindTenant(db: Reader, customer: Customer): TenantRow {
  const tenant = findTenant(db, customer)
  if (!tenant) throw notFound(`${customer.name} has no tenant.`)
  return tenant
}
