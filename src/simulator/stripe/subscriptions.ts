import { endOf, hasEnded, periodEnd, type Subscription, type SubscriptionItem } from './billing'
import type { Call } from './call'
import { collect } from './collection'
import { missing, wrong } from './errors'
import { acceptOnly, flag, isParams, list, metadata, type Params, required, text } from './form'
import { finalize, periodLines, type Scene, writeInvoice } from './invoicing'
import { createdWithin, listPage } from './lists'
import type { Price } from './objects'
import { isOtherRhythm, prorate, repriced } from './proration'
import type { Store } from './store'

const PRORATIONS = ['create_prorations', 'always_invoice', 'none']

/** Subscriptions by customer, price and status: `all` for every one; those that are over only when asked for. */
export function listedSubscriptions({ store, params, path }: Call) {
  const [customer, status, price] = ['customer', 'status', 'price'].map((name) => text(params, name))
  if (customer && !store.customers.get(customer)) throw missing('customer', customer, 'customer', 400)
  const isRecent = createdWithin(params)
  const rows = customer ? store.by.subscriptions.of(customer) : store.subscriptions.all()
  const found = rows.filter((row) => {
    const isAtPrice = !price || row.items.data.some((item) => item.price.id === price)
    return isRecent(row) && isAtPrice && isInStatus(row, status ?? null)
  })
  return listPage(found, params, path)
}

function isInStatus(row: Subscription, wanted: string | null): boolean {
  if (wanted === null) return row.status !== 'canceled'
  if (wanted === 'ended') return hasEnded(row)
  return wanted === 'all' || row.status === wanted
}

/** Changes metadata, when it ends, or its price; what a new price makes a difference is prorated. */
export function updateSubscription(call: Call, known: Subscription): Subscription {
  const { store, events, params, origin } = call
  refuseEnded(known)
  const changes = list(params, 'items').map((item) => readChange(store, known, item))
  const prorations = text(params, 'proration_behavior') ?? 'create_prorations'
  if (!PRORATIONS.includes(prorations)) throw wrong('Invalid proration_behavior', 'proration_behavior')
  let changed = { ...known, metadata: { ...known.metadata, ...metadata(params) } }
  const atPeriodEnd = flag(params, 'cancel_at_period_end')
  if (atPeriodEnd !== null) changed = cancelingAtPeriodEnd(changed, atPeriodEnd, store.seconds())
  for (const { item, price } of changes) {
    if (item.price.id === price.id) continue
    if (prorations !== 'none') prorate(call, known, item, price)
    changed = repriced(changed, item, price)
  }
  const isNewRhythm = changes.some(({ item, price }) => isOtherRhythm(item.price, price))
  if (isNewRhythm) changed = fromNow(changed, store.seconds())
  store.subscriptions.put(changed)
  events.emit('customer.subscription.updated', changed, origin)
  const isBilledNow = changes.length > 0 && (isNewRhythm || prorations === 'always_invoice')
  return isBilledNow ? billNow(call, changed, isNewRhythm) : changed
}

function readChange(
  store: Store,
  known: Subscription,
  asked: unknown,
): { item: SubscriptionItem; price: Price } {
  if (!isParams(asked as Params)) throw wrong('Invalid object', 'items')
  acceptOnly(asked as Params, ['id', 'price'])
  const itemId = required(asked as Params, 'id')
  const priceId = required(asked as Params, 'price')
  const item = known.items.data.find(({ id }) => id === itemId)
  if (!item) throw missing('subscription_item', itemId, 'items[0][id]', 400)
  const price = store.prices.get(priceId)
  if (!price) throw missing('price', priceId, 'items[0][price]', 400)
  return { item, price }
}

/** A year instead of a month begins at once. */
function fromNow(known: Subscription, now: number): Subscription {
  const data = known.items.data.map((item) => ({
    ...item,
    current_period_start: now,
    current_period_end: periodEnd(now, item.price.recurring.interval),
  }))
  return { ...known, billing_cycle_anchor: now, items: { ...known.items, data } }
}

/** Bills what waits, and a whole period when one has just begun. */
function billNow(scene: Scene, known: Subscription, isNewPeriod: boolean): Subscription {
  const { store } = scene
  const period = { start: store.seconds(), end: store.seconds() }
  const lines = isNewPeriod ? periodLines(scene, known) : []
  const writing = { reason: 'subscription_update' as const, lines, period, draftLastsS: 0 }
  const draft = writeInvoice(scene, known, writing)
  const billed = store.subscriptions.put({ ...known, latest_invoice: draft.id })
  collect(scene, finalize(scene, draft))
  return store.subscriptions.get(known.id) ?? billed
}

function cancelingAtPeriodEnd(known: Subscription, isOn: boolean, now: number): Subscription {
  return {
    ...known,
    cancel_at_period_end: isOn,
    cancel_at: isOn ? endOf(known) : null,
    canceled_at: isOn ? now : null,
    cancellation_details: { ...known.cancellation_details, reason: isOn ? 'cancellation_requested' : null },
  }
}

/** Ends a subscription at once, as `DELETE /v1/subscriptions/:id` does. */
export function cancelSubscription(scene: Scene, known: Subscription): Subscription {
  refuseEnded(known)
  const now = scene.store.seconds()
  return endSubscription(scene, { ...known, canceled_at: now }, now)
}

/** Ends a subscription; what is still unpaid is not asked for again by itself. */
export function endSubscription(
  { store, events, origin }: Scene,
  known: Subscription,
  endedAt: number,
): Subscription {
  for (const invoice of store.by.invoicesOfSubscription.of(known.id)) {
    if (invoice.status !== 'draft' && invoice.status !== 'open') continue
    store.invoices.put({ ...invoice, auto_advance: false, next_payment_attempt: null })
  }
  const ended = store.subscriptions.put({
    ...known,
    status: 'canceled',
    ended_at: endedAt,
    cancellation_details: { ...known.cancellation_details, reason: 'cancellation_requested' },
  })
  events.emit('customer.subscription.deleted', ended, origin)
  return ended
}

// Stripe speaks of an ended subscription as of one that is not there.
function refuseEnded(known: Subscription): void {
  if (hasEnded(known)) throw missing('subscription', known.id, 'id')
}
