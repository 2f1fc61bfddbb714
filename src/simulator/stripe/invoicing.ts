import type { Subscription } from './billing'
import type { Events, Origin } from './events'
import { draftInvoice, finalized, type Invoice } from './invoice'
import { type InvoiceLine, periodLine } from './invoice-line'
import type { Customer } from './objects'
import type { Store } from './store'

/** How long Stripe leaves a renewal's invoice open to changes. */
export const DRAFT_LASTS_S = 3_600

/** Where things happen: the account at its time, its events, and the request that asked. */
export type Scene = { store: Store; events: Events; origin: Origin }

type Writing = {
  reason: Invoice['billing_reason']
  lines: InvoiceLine[]
  period: { start: number; end: number }
  /** How long it stays a draft, in seconds. */
  draftLastsS: number
}

/** Writes the next invoice of a subscription, with the prorations that waited for it. */
export function writeInvoice(
  { store, events, origin }: Scene,
  subscription: Subscription,
  writing: Writing,
  base = store.base('in'),
): Invoice {
  const waiting = store.by.pending.of(subscription.id)
  for (const { id } of waiting) store.pending.delete(id)
  const draft = store.invoices.put(
    draftInvoice(base, {
      ...writing,
      customer: customerOf(store, subscription),
      subscription,
      lines: [...waiting.map(({ line }) => line), ...writing.lines],
      finalizesAt: base.created + writing.draftLastsS,
    }),
  )
  events.emit('invoice.created', draft, origin)
  return draft
}

/** The lines for the present period of a subscription's items. */
export function periodLines({ store }: Scene, subscription: Subscription): InvoiceLine[] {
  return subscription.items.data.map((item) => {
    const product = store.products.get(item.price.product)?.name ?? ''
    return periodLine({ id: store.id('il'), product }, subscription, item)
  })
}

/** Makes a draft final: it gets its number, and the customer's balance takes part in it. */
export function finalize({ store, events, origin }: Scene, draft: Invoice): Invoice {
  const customer = customerOf(store, draft)
  const { invoice_prefix: prefix, next_invoice_sequence: next } = customer
  const open = store.invoices.put(
    finalized(draft, `${prefix}-${String(next).padStart(4, '0')}`, store.seconds()),
  )
  store.customers.put({ ...customer, balance: open.ending_balance ?? 0, next_invoice_sequence: next + 1 })
  events.emit('invoice.finalized', open, origin)
  return open
}

/** Whom a subscription or an invoice is for. */
export function customerOf(store: Store, { customer }: { customer: string }): Customer {
  const found = store.customers.get(customer)
  if (!found) throw new Error('a subscription and an invoice have a customer')
  return found
}
