import type { PlanRow } from '../catalog/plans'
import type { Tx } from '../db/open'
import { tenants } from '../db/schema'
import { newId } from '../ids'
import { firstRelease } from '../releases/release'
import { KEY_BYTES, seal } from '../secrets'
import type { Services } from '../services'
import type { SignupRow } from '../signups/signup'
import { dataKeyPlace, planServer, type TenantRow } from '../tenants/tenant'

/** Creates a tenant for a signup, with a data key of its own and a planned server. */
export function createTenant(
  tx: Tx,
  services: Services,
  signup: SignupRow & { organizationId: string },
  plan: PlanRow,
  nowMs: number,
): TenantRow {
  const { random, settings, catalog } = services
  const id = newId('ten', nowMs, random)
  const tenant = tx
    .insert(tenants)
    .values({
      id,
      organizationId: signup.organizationId,
      signupId: signup.id,
      planId: plan.id,
      blueprint: plan.blueprint,
      subdomain: signup.subdomain,
      skeleton: signup.skeleton,
      ...firstRelease(tx, catalog, plan.blueprint),
      status: 'provisioning',
      dataKey: seal(settings.encryptionKey, random(KEY_BYTES), dataKeyPlace(id), random),
      createdAt: nowMs,
      updatedAt: nowMs,
    })
    .returning()
    .get()
  planServer(tx, tenant, 'current', nowMs, random)
  return tenant
}
