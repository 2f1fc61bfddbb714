import { refuseOtherPrice } from '../billing/checkout'
import { subscriptionOf } from '../billing/mirror'
import type { CatalogEntry } from '../catalog/catalog'
import type { Reader } from '../db/open'
import { conflict } from '../errors'
import { typeForPlan } from '../provisioning/placement'
import type { Services } from '../services'
import { requireReady } from '../tenants/readiness'
import { getTenant, serverOf, type TenantRow } from '../tenants/tenant'

/** What a change of plan means: ids of plans, Stripe's prices and the cloud's server types, before and after. */
export type PlanChange = {
  planId: string
  formerPlanId: string
  priceId: string
  formerPriceId: string
  serverType: string
  formerType: string
}

/** The plans that a tenant could have instead of its own, in the order of the shop. */
export function otherPlans({ catalog }: Services, tenant: TenantRow): CatalogEntry[] {
  return catalog.offers.filter(
    ({ id, blueprint }) => id !== tenant.planId && blueprint.name === tenant.blueprint,
  )
}

/**
 * Finds out what a tenant's change to a plan means, before anything is touched. Throws `conflict` with the reason when
 * it can't be had: another state, no subscription, another price at Stripe, a server type that is not available where
 * the server is or has too small a disk.
 */
export async function choosePlan(services: Services, tenantId: string, planId: string): Promise<PlanChange> {
  const { read } = services.db
  const tenant = getTenant(read, tenantId)
  requireReady(read, tenant, ['active'], 'given another plan')
  const entry = otherPlans(services, tenant).find(({ id }) => id === planId)
  if (!entry)
    throw conflict(`${tenant.subdomain} can’t have this plan: it has it already, or it is not sold.`)
  const formerPriceId = presentPrice(read, tenant)
  await refuseOtherPrice(services, planId)
  const types = await typeForPlan(services, serverOf(read, tenantId), planId)
  return { planId, formerPlanId: tenant.planId, priceId: entry.priceId, formerPriceId, ...types }
}

function presentPrice(db: Reader, { organizationId, subdomain }: TenantRow): string {
  const subscription = subscriptionOf(db, organizationId)
  if (subscription && subscription.status !== 'canceled') return subscription.priceId
  throw conflict(`${subdomain} has no live subscription whose price could change.`)
}
