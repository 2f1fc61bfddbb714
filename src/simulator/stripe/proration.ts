import { endOf, planOf, type Subscription, type SubscriptionItem } from './billing'
import { type InvoiceLine, prorationLine } from './invoice-line'
import type { Scene } from './invoicing'
import type { Price } from './objects'

/** A proration that waits for the subscription's next invoice. */
export type PendingLine = { id: string; subscription: string; line: InvoiceLine }

/** Whether one price is monthly and the other yearly: then a new period begins at once. */
export function isOtherRhythm(one: Price, other: Price): boolean {
  return one.recurring.interval !== other.recurring.interval
}

/** The subscription with another price on one of its items. */
export function repriced(known: Subscription, item: SubscriptionItem, price: Price): Subscription {
  const data = known.items.data.map((one) =>
    one.id === item.id ? { ...one, price, plan: planOf(price) } : one,
  )
  return { ...known, items: { ...known.items, data } }
}

/**
 * What is left of the old price is given back and what is left of the new one is owed, on the next invoice; a price
 * of another rhythm begins with a whole period of its own.
 */
export function prorate({ store }: Scene, known: Subscription, item: SubscriptionItem, price: Price): void {
  const now = store.seconds()
  const period = { start: now, end: endOf(known) }
  const share = (period.end - now) / (period.end - item.current_period_start)
  const since = new Date(now * 1000).toLocaleDateString('en-GB', {
    day: 'numeric',
    month: 'short',
    timeZone: 'UTC',
  })
  const lines = [
    { of: item.price, amount: -Math.round(item.price.unit_amount * share), words: 'Unused time' },
    { of: price, amount: Math.round(price.unit_amount * share), words: 'Remaining time' },
  ]
  if (isOtherRhythm(item.price, price)) lines.pop()
  for (const { of, amount, words } of lines) {
    const product = store.products.get(of.product)?.name ?? ''
    const id = store.id('ii')
    const names = {
      id: store.id('il'),
      invoiceItem: id,
      description: `${words} on ${product} after ${since}`,
    }
    const line = prorationLine(names, known, of, amount, period)
    store.pending.put({ id, subscription: known.id, line })
  }
}
