import type Stripe from 'stripe'
import { conflict, unavailable } from '../../errors'
import type { PaidSubscription } from '../payments'
import { bringAbout } from './bring-about'
import { paymentOf, subscriptionOf } from './invoices'
import { everyPage } from './pages'
import { atMs, idOf, known } from './words'

const STATUSES = [
  'incomplete',
  'incomplete_expired',
  'trialing',
  'active',
  'past_due',
  'canceled',
  'unpaid',
  'paused',
] as const

const EXPAND = ['latest_invoice']
const EXPAND_EACH = ['data.latest_invoice']

export async function getSubscription(stripe: Stripe, id: string): Promise<PaidSubscription> {
  return readSubscription(stripe, await stripe.subscriptions.retrieve(id, { expand: EXPAND }))
}

export async function listSubscriptions(stripe: Stripe, customer: string): Promise<PaidSubscription[]> {
  const list = stripe.subscriptions.list({ customer, status: 'all', limit: 100, expand: EXPAND_EACH })
  return readSubscriptions(stripe, await everyPage(list), { customer })
}

/** Without a status Stripe lists those that are not canceled: also those whose first payment never came. */
export async function listLiveSubscriptions(stripe: Stripe): Promise<PaidSubscription[]> {
  const all = await everyPage(stripe.subscriptions.list({ limit: 100, expand: EXPAND_EACH }))
  return readSubscriptions(
    stripe,
    all.filter((one) => !hasEnded(one)),
    {},
  )
}

export async function changePrice(
  stripe: Stripe,
  id: string,
  price: string,
  idempotencyKey: string,
): Promise<PaidSubscription> {
  const look = () => stripe.subscriptions.retrieve(id, { expand: EXPAND })
  const isDone = (subscription: Stripe.Subscription) => itemOf(subscription).price.id === price
  const changed = await bringAbout(idempotencyKey, look, isDone, (subscription, key) => {
    if (hasEnded(subscription)) throw conflict('This subscription has ended, so its price can’t change.')
    // Nobody can tell which of them is the plan: the other would become it, and both be charged.
    if (subscription.items.data.length > 1)
      throw conflict('This subscription has more than one item. Change its price at Stripe.')
    const items = [{ id: itemOf(subscription).id, price }]
    const change = { items, proration_behavior: 'create_prorations' as const, expand: EXPAND }
    return stripe.subscriptions.update(id, change, { idempotencyKey: key })
  })
  return readSubscription(stripe, changed)
}

/** Stripe takes no idempotency key for a DELETE, and answers a second one as if nothing were there. */
export async function cancelSubscription(stripe: Stripe, id: string): Promise<PaidSubscription> {
  const look = () => stripe.subscriptions.retrieve(id, { expand: EXPAND })
  const cancel = () => stripe.subscriptions.cancel(id, { expand: EXPAND })
  return readSubscription(stripe, await bringAbout(id, look, hasEnded, cancel))
}

export async function readSubscription(
  stripe: Stripe,
  subscription: Stripe.Subscription,
): Promise<PaidSubscription> {
  const { unpaidSince } = await unpaidInvoices(stripe, [subscription], { subscription: subscription.id })
  return paidSubscription(subscription, unpaidSince(subscription))
}

async function readSubscriptions(
  stripe: Stripe,
  subscriptions: Stripe.Subscription[],
  scope: Stripe.InvoiceListParams,
): Promise<PaidSubscription[]> {
  const { unpaidSince } = await unpaidInvoices(stripe, subscriptions, scope)
  return subscriptions.map((one) => paidSubscription(one, unpaidSince(one)))
}

/**
 * When each subscription began to owe. The latest invoice alone would not say: one that is unpaid for longer than
 * a period has a newer invoice, with which its time would begin anew.
 */
async function unpaidInvoices(
  stripe: Stripe,
  subscriptions: Stripe.Subscription[],
  scope: Stripe.InvoiceListParams,
) {
  const latest = subscriptions.flatMap((one) => latestInvoice(one) ?? [])
  const overdue = new Set(subscriptions.filter(isOverdue).map(({ id }) => id))
  const open =
    overdue.size > 0 ? await everyPage(stripe.invoices.list({ ...scope, status: 'open', limit: 100 })) : []
  // Those of others are only in the list because of somebody else: what is said of one must not depend on whom.
  const older = open.filter((invoice) => overdue.has(subscriptionOf(invoice) ?? ''))
  const since = new Map<string | null, number>()
  for (const invoice of [...latest, ...older]) {
    const finalizedAt = atMs(invoice.status_transitions.finalized_at)
    const isOwed = invoice.status === 'open' || invoice.status === 'uncollectible'
    if (!isOwed || finalizedAt === null) continue
    const subscription = subscriptionOf(invoice)
    since.set(subscription, Math.min(finalizedAt, since.get(subscription) ?? finalizedAt))
  }
  return { unpaidSince: ({ id }: Stripe.Subscription) => since.get(id) ?? null }
}

function isOverdue({ status }: Stripe.Subscription): boolean {
  return status === 'past_due' || status === 'unpaid'
}

/** Since 2025 the billing period is on the items; a subscription of ours has one. */
function paidSubscription(subscription: Stripe.Subscription, unpaidSince: number | null): PaidSubscription {
  const { price, quantity, current_period_end } = itemOf(subscription)
  const invoice = latestInvoice(subscription)
  return {
    id: subscription.id,
    customerId: idOf(subscription.customer) ?? '',
    status: known(subscription.status, STATUSES),
    priceId: price.id,
    currentPeriodEnd: atMs(current_period_end),
    cancelAtPeriodEnd: subscription.cancel_at_period_end,
    // Null is a price in tiers, which Atlas does not sell.
    amount: (price.unit_amount ?? 0) * (quantity ?? 1),
    currency: price.currency,
    interval: known(price.recurring?.interval ?? null, ['day', 'week', 'month', 'year']),
    unpaidSince,
    latestPayment: invoice && invoice.status !== 'draft' ? paymentOf(invoice) : null,
    canceledAt: atMs(subscription.canceled_at),
    signupId: subscription.metadata.signup_id ?? null,
    createdAt: atMs(subscription.created),
  }
}

function itemOf({ items }: Stripe.Subscription): Stripe.SubscriptionItem {
  const [item] = items.data
  if (!item) throw unavailable('Stripe sent a subscription without an item.', { outcome: 'unknown' })
  return item
}

function latestInvoice({ latest_invoice }: Stripe.Subscription): Stripe.Invoice | null {
  return typeof latest_invoice === 'object' ? latest_invoice : null
}

function hasEnded({ status }: Stripe.Subscription): boolean {
  return status === 'canceled' || status === 'incomplete_expired'
}
