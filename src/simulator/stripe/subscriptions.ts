import { planOf, type Subscription } from './billing'
import { missing, wrong } from './errors'
import { type Events, NO_REQUEST, type Origin } from './events'
import { acceptOnly, flag, isParams, list, metadata, required, text } from './form'
import { createdWithin, listPage } from './lists'
import type { Price } from './objects'
import type { Call } from './routes'
import type { Store } from './store'

/** Subscriptions by customer, price and status: `all` for every one; those that are over only when asked for. */
export function listedSubscriptions({ store, params, path }: Call) {
  const [customer, status, price] = ['customer', 'status', 'price'].map((name) => text(params, name))
  if (customer && !store.customers.get(customer)) throw missing('customer', customer, 'customer', 400)
  const isRecent = createdWithin(params)
  const rows = store.subscriptions.all().filter((row) => {
    const isWanted = status ? status === 'all' || row.status === status : row.status !== 'canceled'
    const isAtPrice = !price || row.items.data.some((item) => item.price.id === price)
    return isRecent(row) && isWanted && isAtPrice && (!customer || row.customer === customer)
  })
  return listPage(rows, params, path)
}

/** Cancels at the end of the period or takes that back, changes metadata, or (without proration) the price. */
export function updateSubscription(
  { store, events, params, origin }: Call,
  known: Subscription,
): Subscription {
  refuseEnded(known)
  let changed = { ...known, metadata: { ...known.metadata, ...metadata(params) } }
  const atPeriodEnd = flag(params, 'cancel_at_period_end')
  if (atPeriodEnd !== null) changed = cancelingAtPeriodEnd(changed, atPeriodEnd, store.seconds())
  for (const item of list(params, 'items')) {
    if (!isParams(item)) throw wrong('Invalid object', 'items')
    acceptOnly(item, ['id', 'price'])
    if (text(params, 'proration_behavior') !== 'none') {
      throw wrong(
        'This simulated account changes prices with proration_behavior=none only.',
        'proration_behavior',
      )
    }
    changed = repriced(changed, required(item, 'id'), priceOf(store, required(item, 'price')))
  }
  store.subscriptions.put(changed)
  events.emit('customer.subscription.updated', changed, origin)
  return changed
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

function repriced(known: Subscription, itemId: string, price: Price): Subscription {
  if (!known.items.data.some((item) => item.id === itemId)) {
    throw missing('subscription_item', itemId, 'items[0][id]', 400)
  }
  const data = known.items.data.map((item) =>
    item.id === itemId ? { ...item, price, plan: planOf(price) } : item,
  )
  return { ...known, items: { ...known.items, data } }
}

function priceOf(store: Store, id: string): Price {
  const price = store.prices.get(id)
  if (!price) throw missing('price', id, 'items[0][price]', 400)
  return price
}

/** Ends a subscription at once, as `DELETE /v1/subscriptions/:id` does. */
export function cancelSubscription({ store, events, origin }: Call, known: Subscription): Subscription {
  refuseEnded(known)
  return end(store, events, { ...known, canceled_at: store.seconds() }, store.seconds(), origin)
}

/** Ends every subscription whose last period is over. */
export function endDueSubscriptions(store: Store, events: Events): void {
  for (const one of store.subscriptions.all()) {
    const isDue = one.status !== 'canceled' && one.cancel_at !== null && one.cancel_at <= store.seconds()
    if (isDue) end(store, events, one, endOf(one), NO_REQUEST)
  }
}

function end(
  store: Store,
  events: Events,
  known: Subscription,
  endedAt: number,
  origin: Origin,
): Subscription {
  const ended = store.subscriptions.put({
    ...known,
    status: 'canceled',
    ended_at: endedAt,
    cancellation_details: { ...known.cancellation_details, reason: 'cancellation_requested' },
  })
  events.emit('customer.subscription.deleted', ended, origin)
  return ended
}

function endOf(known: Subscription): number {
  return Math.max(...known.items.data.map((item) => item.current_period_end))
}

// Stripe speaks of an ended subscription as of one that is not there.
function refuseEnded(known: Subscription): void {
  if (known.status === 'canceled') throw missing('subscription', known.id, 'id')
}
