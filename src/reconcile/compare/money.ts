import { currentOf } from '../../billing/mirror'
import { wantedStanding } from '../../billing/standing'
import type { PaidSubscription } from '../../providers/payments'
import { type Difference, difference, type Facts, type Findings, type Kind } from '../difference'
import type { Ground } from '../ground'
import type { KnownSubscription, KnownTenant } from '../known'
import type { RemedyName } from '../remedy'
import { whatDiffers } from './mirror'
import { compareSales, isPaying, ofSale, type Sales, salesOf } from './sales'

/** Who pays for nothing, who pays nothing, and where Stripe says something else than our rows. */
export function* compareMoney(ground: Ground): Findings {
  const { known, subscriptionOf } = ground
  const sales = salesOf(ground)
  const living = Map.groupBy(
    known.tenants.filter(({ status }) => status !== 'deleted'),
    ({ organizationId }) => organizationId,
  )
  const awaited = new Set(
    known.signups.flatMap(({ status, organizationId }) => (isUnderWay(status) ? (organizationId ?? []) : [])),
  )
  yield* compareSales(ground, sales)
  for (const { id } of known.organizations) {
    yield* compareAccount({
      ground,
      organizationId: id,
      sales: sales.of(id),
      signups: sales.signups,
      mirror: subscriptionOf.get(id),
      tenants: living.get(id) ?? [],
      isAwaited: awaited.has(id),
    })
    yield null
  }
}

const isUnderWay = (status: string) => status === 'paid' || status === 'provisioning' || status === 'failed'

type Account = {
  ground: Ground
  organizationId: string
  /** Newest first. */
  sales: PaidSubscription[]
  signups: Sales['signups']
  mirror: KnownSubscription | undefined
  /** Those that are not deleted. */
  tenants: KnownTenant[]
  /** Whether a signup of theirs is on its way to a tenant. */
  isAwaited: boolean
}

function compareAccount(account: Account): Difference[] {
  const { ground, sales, mirror, tenants } = account
  const current = currentOf(sales)
  const isChanging =
    (mirror !== undefined && ground.isYoung(mirror.updatedAt)) ||
    (current !== undefined && ground.isYoung(current.createdAt)) ||
    tenants.some((tenant) => ground.isBusy(tenant))
  if (isChanging) return []
  const second = sales
    .filter((sale) => sale !== current && isPaying(sale))
    .map((sale) => ofSale('subscription_second', sale, tenants[0], {}, 'cancel_subscription'))
  const mirrored = mirrorDiffers(account, current)
  // While our row is not Stripe's, whatever follows from it may be wrong.
  if (mirrored) return [...second, mirrored]
  const standing = tenants.flatMap((tenant) => standingDiffers(account, tenant, current) ?? [])
  return [...second, ...standing, ...paidForNothing(account, current), ...planDiffers(account, current)]
}

function mirrorDiffers(account: Account, current: PaidSubscription | undefined): Difference | null {
  const { mirror, organizationId, signups } = account
  const what = whatDiffers(mirror, current)
  if (what === null) return null
  const [tenant] = account.tenants
  const checkout = signups.get(current?.signupId ?? '')?.checkoutId ?? null
  const found = {
    kind: 'subscription_differs' as const,
    tenantId: tenant?.id ?? null,
    externalId: current?.id ?? mirror?.stripeId ?? null,
    facts: { organization: organizationId, tenant: tenant?.subdomain ?? null, what, checkout },
    // A row that is not there can be made from the checkout only: it says what was sold.
    remedy: mirror ? ('sync_money' as const) : checkout ? ('sync_checkout' as const) : null,
    monthly: null,
  }
  return difference(found, organizationId)
}

/** A tenant that runs without being paid for, or is kept from running though it is. */
function standingDiffers(
  { ground, organizationId, mirror }: Account,
  tenant: KnownTenant,
  current: PaidSubscription | undefined,
): Difference | null {
  const wanted = current ? wantedStanding(current, ground.nowMs) : NOBODY_PAYS
  const { serverType, location } = ground.currentServer.get(tenant.id) ?? {}
  const found = (kind: Kind, more: Facts, remedy: RemedyName | null) => {
    const facts = { tenant: tenant.subdomain, status: tenant.status, organization: organizationId, ...more }
    const monthly = ground.serverCost(serverType ?? null, location ?? null)
    const about = { kind, tenantId: tenant.id, externalId: current?.id ?? mirror?.stripeId ?? null, facts }
    return difference({ ...about, remedy, monthly }, tenant.id)
  }
  if (wanted.standing === 'suspended') {
    const { because } = wanted
    const canFollow = mirror !== undefined && tenant.status === 'active'
    const isPaidNoMore = tenant.status === 'active' || tenant.status === 'suspended'
    return isPaidNoMore ? found('tenant_without_payer', { because }, canFollow ? 'sync_money' : null) : null
  }
  const isHeldBack = tenant.status === 'suspended' && tenant.suspendedFor !== 'operator'
  return isHeldBack ? found('tenant_held_back', {}, 'sync_money') : null
}

const NOBODY_PAYS = { standing: 'suspended', because: 'canceled' } as const

function paidForNothing(
  { tenants, isAwaited }: Account,
  current: PaidSubscription | undefined,
): Difference[] {
  if (!current || !isPaying(current) || tenants.length > 0 || isAwaited) return []
  return [ofSale('paid_without_tenant', current, null, {}, 'cancel_subscription')]
}

/** One tenant, one subscription: they are for the same plan. */
function planDiffers({ ground, tenants }: Account, current: PaidSubscription | undefined): Difference[] {
  const [tenant, ...others] = tenants
  const paid = ground.offerByPrice.get(current?.priceId ?? '')
  if (!current || !tenant || others.length > 0 || !paid || paid.id === tenant.planId) return []
  if (tenant.status !== 'active' && tenant.status !== 'suspended') return []
  const has = ground.offers.get(tenant.planId)?.plan.name ?? tenant.planId
  return [ofSale('plan_differs', current, tenant, { has, pays: paid.plan.name }, null)]
}
