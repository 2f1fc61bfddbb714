import { isEnded, subscriptionOf } from '../billing/mirror'
import { refuseOtherPrice } from '../billing/price'
import type { CatalogEntry } from '../catalog/catalog'
import { conflict } from '../errors'
import { typeForPlan } from '../provisioning/placement'
import { requireStartable } from '../releases/no-return'
import type { Services } from '../services'
import { requireReady } from '../tenants/readiness'
import { getTenant, serverOf, type TenantRow } from '../tenants/tenant'

/** What a change of plan means at Stripe: ids of plans and prices, before and after. */
export type PriceChange = { planId: string; formerPlanId: string; priceId: string; formerPriceId: string }

/** The same with the cloud's server types. */
export type PlanChange = PriceChange & { serverType: string; formerType: string }

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
  requireStartable(read, tenant, 'given another plan')
  const change = await priceChange(services, tenant, planId)
  return { ...change, ...(await typeForPlan(services, serverOf(read, tenantId), planId)) }
}

/** What it means at Stripe alone. Throws `conflict` when it is no plan for the tenant, or nobody pays for it. */
export async function priceChange(
  services: Services,
  tenant: TenantRow,
  planId: string,
): Promise<PriceChange> {
  const { organizationId, subdomain, planId: formerPlanId } = tenant
  const entry = otherPlans(services, tenant).find((plan) => plan.id === planId)
  if (!entry) throw conflict(`${subdomain} can’t have this plan: it has it already, or it is not sold.`)
  const subscription = subscriptionOf(services.db.read, organizationId)
  if (!subscription || isEnded(subscription)) {
    throw conflict(`${subdomain} has no live subscription whose price could change.`)
  }
  await refuseOtherPrice(services, planId)
  return { planId, formerPlanId, priceId: entry.priceId, formerPriceId: subscription.priceId }
}
