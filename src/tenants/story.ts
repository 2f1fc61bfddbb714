import { eq } from 'drizzle-orm'
import { ownerEmail } from '../accounts/organization'
import { getPlan } from '../catalog/plans'
import type { Reader } from '../db/open'
import { dnsRecords, type effects, organizations, subscriptions } from '../db/schema'
import { latestRun } from '../runs/run'
import { getTenant, serverOf } from './tenant'

export type EffectRow = typeof effects.$inferSelect

/** Everything that the operator's page says about one tenant. Throws `not_found`. */
export function tenantStory(db: Reader, tenantId: string) {
  const tenant = getTenant(db, tenantId)
  const organization = db
    .select()
    .from(organizations)
    .where(eq(organizations.id, tenant.organizationId))
    .get()
  return {
    tenant,
    organization: { id: tenant.organizationId, name: organization?.name ?? '' },
    ownerEmail: ownerEmail(db, tenant.organizationId) ?? '',
    plan: getPlan(db, tenant.planId),
    server: serverOf(db, tenantId),
    dns: db
      .select()
      .from(dnsRecords)
      .where(eq(dnsRecords.tenantId, tenantId))
      .all()
      .filter((record) => record.deletedAt === null),
    subscription:
      db.select().from(subscriptions).where(eq(subscriptions.organizationId, tenant.organizationId)).get() ??
      null,
    run: latestRun(db, tenantId) ?? null,
  }
}
