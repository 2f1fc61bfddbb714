import { desc, eq } from 'drizzle-orm'
import type { Customer } from '../../src/cli/story/scene'
import type { Db } from '../../src/db/open'
import { outbox, runs, signups, tenants } from '../../src/db/schema'

/** Where a customer's story stands, as the database tells it. */
export function phaseOf(db: Db, { subdomain }: Customer): string {
  const signup = db.read.select().from(signups).where(eq(signups.subdomain, subdomain)).get()
  if (!signup) return 'before the signup'
  if (signup.status === 'pending') return signup.checkoutUrl ? 'paying' : 'opening the checkout'
  if (signup.status === 'paid') return 'between payment and approval'
  if (signup.status === 'active') return welcomed(db, signup.id) ? 'live' : 'live, welcome mail on its way'
  const run = db.read
    .select({ step: runs.step, status: runs.status })
    .from(runs)
    .innerJoin(tenants, eq(tenants.id, runs.tenantId))
    .where(eq(tenants.signupId, signup.id))
    .orderBy(desc(runs.createdAt))
    .get()
  return run ? `${run.step ?? 'approved'}, ${run.status}` : signup.status
}

function welcomed(db: Db, signupId: string): boolean {
  const mail = db.read
    .select({ status: outbox.status })
    .from(outbox)
    .innerJoin(tenants, eq(tenants.id, outbox.subject))
    .where(eq(tenants.signupId, signupId))
    .get()
  return mail?.status === 'sent'
}
