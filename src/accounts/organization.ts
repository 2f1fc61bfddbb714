import { and, desc, eq, sql } from 'drizzle-orm'
import type { Reader, Tx } from '../db/open'
import { prepared } from '../db/prepared'
import { members, organizations, users } from '../db/schema'
import { newId } from '../ids'

export type NewOrganization = { name: string; ownerEmail: string; stripeCustomerId: string }

/** Creates an organization with its owner, who may own others already; returns its id. */
export function createOrganization(tx: Tx, organization: NewOrganization, nowMs: number): string {
  const { name, stripeCustomerId } = organization
  const id = newId('org', nowMs)
  tx.insert(organizations).values({ id, name, stripeCustomerId, createdAt: nowMs }).run()
  const userId = ensureUser(tx, organization.ownerEmail, nowMs)
  tx.insert(members).values({ organizationId: id, userId, role: 'owner', createdAt: nowMs }).run()
  return id
}

/** The id of the user with this address, who comes to be when unknown. */
export function ensureUser(tx: Tx, email: string, nowMs: number): string {
  const known = tx.select({ id: users.id }).from(users).where(eq(users.email, email)).get()
  if (known) return known.id
  const id = newId('usr', nowMs)
  tx.insert(users).values({ id, email, createdAt: nowMs }).run()
  return id
}

/** The address of the operator who signed in for the first time last; null before anybody has. */
export function operatorEmail(db: Reader): string | null {
  const isOperator = eq(users.isOperator, true)
  const newest = db
    .select({ email: users.email })
    .from(users)
    .where(isOperator)
    .orderBy(desc(users.createdAt))
  return newest.limit(1).get()?.email ?? null
}

const ownerOf = prepared((db) =>
  db
    .select({ email: users.email })
    .from(members)
    .innerJoin(users, eq(users.id, members.userId))
    .where(and(eq(members.organizationId, sql.placeholder('organizationId')), eq(members.role, 'owner')))
    .prepare(),
)

/** The address of an organization's owner, who gets its mail. */
export function ownerEmail(db: Reader, organizationId: string): string | null {
  return ownerOf(db).get({ organizationId })?.email ?? null
}
