import { and, eq, inArray, ne } from 'drizzle-orm'
import { currentOf } from '../../billing/mirror'
import { syncMoney } from '../../billing/sync'
import { syncCheckout } from '../../checkouts/checkout'
import { organizations, signups, subscriptions, tenants } from '../../db/schema'
import { followOrganization } from '../../lifecycle/follow-money'
import type { PaidSubscription } from '../../providers/payments'
import { hasEnded } from '../compare/sales'
import { type Case, changed, idOf, nothingMore, perform, type Remedy } from './remedying'

/** Asks Stripe for all of a customer's money, which our rows then follow. */
export const askAgain: Remedy = async (one) => {
  const organizationId = String(one.facts.organization ?? organizationOf(one))
  await syncMoney(one.services, organizationId)
  followOrganization(one.services, organizationId)
  return nothingMore
}

/** Takes a payment in whose webhook never came. */
export const takePayment: Remedy = async (one) => {
  if (typeof one.facts.checkout !== 'string') throw changed()
  await syncCheckout(one.services, one.facts.checkout)
  return nothingMore
}

/** Cancels a subscription for which nobody has anything. */
export const cancelSubscription: Remedy = async (one) => {
  const { services, facts } = one
  const id = idOf(one)
  const subscription = await services.payments.getSubscription(id)
  if (hasEnded(subscription.status)) return nothingMore
  requireNeedless(one, subscription)
  await requireAnother(one, subscription)
  const summary = { customer: String(facts.customer) }
  await perform(one, { provider: 'stripe', verb: 'cancelSubscription', key: id, summary }, () =>
    services.payments.cancelSubscription(id),
  )
  const organizationId = organizationAt(one, subscription.customerId)
  if (organizationId) await syncMoney(services, organizationId)
  return nothingMore
}

/** The one that a living tenant is paid with is never cancelled here, nor one that Atlas did not sell. */
function requireNeedless(one: Case, { id, customerId, signupId }: PaidSubscription): void {
  const { read } = one.services.db
  const signup = read
    .select()
    .from(signups)
    .where(eq(signups.id, signupId ?? ''))
    .get()
  const organizationId = organizationAt(one, customerId)
  const mirror = read.select().from(subscriptions).where(eq(subscriptions.stripeId, id)).get()
  if (!signup && !mirror) throw changed()
  if (one.finding.kind === 'subscription_second') {
    if (mirror) throw changed()
    return
  }
  if (!organizationId && signup?.status === 'pending') throw changed()
  const lives = and(eq(tenants.organizationId, organizationId ?? ''), ne(tenants.status, 'deleted'))
  const isAwaited = and(
    eq(signups.organizationId, organizationId ?? ''),
    inArray(signups.status, ['paid', 'provisioning', 'failed']),
  )
  const needed =
    read.select({ id: tenants.id }).from(tenants).where(lives).get() ??
    read.select({ id: signups.id }).from(signups).where(isAwaited).get()
  if (needed) throw changed()
}

/** A second subscription is only one as long as there is a first: the other may have ended since, unheard. */
async function requireAnother(
  { services, finding }: Case,
  { id, customerId }: PaidSubscription,
): Promise<void> {
  if (finding.kind !== 'subscription_second') return
  const current = currentOf(await services.payments.listSubscriptions(customerId))
  if (!current || current.id === id || hasEnded(current.status)) throw changed()
}

function organizationOf(one: Case): string {
  const mirror = one.services.db.read
    .select()
    .from(subscriptions)
    .where(eq(subscriptions.stripeId, idOf(one)))
    .get()
  if (!mirror) throw changed()
  return mirror.organizationId
}

function organizationAt({ services }: Case, customerId: string): string | undefined {
  const theirs = eq(organizations.stripeCustomerId, customerId)
  return services.db.read.select({ id: organizations.id }).from(organizations).where(theirs).get()?.id
}
