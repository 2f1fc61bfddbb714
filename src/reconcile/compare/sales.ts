import type { PaidSubscription } from '../../providers/payments'
import { type Difference, difference, type Facts, type Kind } from '../difference'
import { by, type Ground, monthlyOf } from '../ground'
import type { KnownSignup, KnownTenant } from '../known'
import type { RemedyName } from '../remedy'

/** Whom Stripe's subscriptions belong to, as far as they are Atlas's. */
export type Sales = {
  /** An organization's own, newest first. */
  of(organizationId: string): PaidSubscription[]
  /** Those of no organization that Atlas knows. */
  unclaimed: PaidSubscription[]
  signups: Map<string, KnownSignup>
}

/** Sorts the subscriptions by whom they belong to; those that Atlas did not sell are left out. */
export function salesOf(ground: Ground): Sales {
  const { known, snapshot, subscriptionOf } = ground
  const signups = by(known.signups, ({ id }) => id)
  const customers = new Map(known.organizations.map(({ id, stripeCustomerId }) => [stripeCustomerId, id]))
  const owner = ({ customerId }: PaidSubscription) => customers.get(customerId) ?? ''
  const isSold = (sale: PaidSubscription) =>
    signups.has(sale.signupId ?? '') || subscriptionOf.get(owner(sale))?.stripeId === sale.id
  const claimed = Map.groupBy(snapshot.subscriptions.filter(isSold), owner)
  for (const sales of claimed.values()) sales.sort((a, b) => b.createdAt - a.createdAt)
  return {
    of: (organizationId) => claimed.get(organizationId) ?? [],
    unclaimed: snapshot.subscriptions.filter((sale) => sale.signupId !== null && owner(sale) === ''),
    signups,
  }
}

/** Sales of ours that no organization has: their webhook never came, or the money came too late. */
export function compareSales(ground: Ground, { unclaimed, signups }: Sales): Difference[] {
  return unclaimed.flatMap((sale) => {
    if (!isPaying(sale) || ground.isYoung(sale.createdAt)) return []
    const signup = signups.get(sale.signupId ?? '')
    if (!signup) return [ofSale('subscription_unknown', sale, null, { signup: sale.signupId }, null)]
    if (ground.isYoung(signup.updatedAt)) return []
    const facts = { signup: signup.subdomain, checkout: signup.checkoutId }
    if (signup.status === 'pending') return [ofSale('payment_forgotten', sale, null, facts, 'sync_checkout')]
    return [ofSale('paid_without_tenant', sale, null, facts, 'cancel_subscription')]
  })
}

/** A difference about a subscription, with what its customer pays a month. */
export function ofSale(
  kind: Kind,
  sale: PaidSubscription,
  tenant: KnownTenant | null | undefined,
  facts: Facts,
  remedy: RemedyName | null,
): Difference {
  const { id, customerId } = sale
  const about = { subscription: id, customer: customerId, tenant: tenant?.subdomain ?? null, ...facts }
  const found = { kind, tenantId: tenant?.id ?? null, externalId: id, facts: about, remedy }
  return difference({ ...found, monthly: monthlyOf(sale) }, id)
}

/** Whether it is being paid, or should be: one whose first payment never came is not a sale yet. */
export function isPaying({ status }: PaidSubscription): boolean {
  return status !== 'incomplete' && status !== 'paused' && !hasEnded(status)
}

export const hasEnded = (status: string) => status === 'canceled' || status === 'incomplete_expired'
