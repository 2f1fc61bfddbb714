import { endOf, nextPeriod, type Subscription } from './billing'
import { readCard } from './cards'
import { createSession } from './checkout'
import { Events } from './events'
import type { Invoice } from './invoice'
import type { Metadata } from './objects'
import { completePayment } from './payment'
import type { Session } from './session'
import type { Store } from './store'

/** A checkout that was paid a while ago, by a card that works. */
export type PastSale = {
  /** UTC milliseconds. */
  at: number
  priceId: string
  payer: { email: string; name: string }
  clientReferenceId: string
  /** Of the session and of its subscription. */
  metadata: Metadata
  successUrl: string
}

export type Sold = { session: Session; subscription: Subscription; invoice: Invoice }

const CARD = { number: '4242 4242 4242 4242', expiry: '12 / 34', cvc: '123' }

/** Stripe keeps events for 30 days only; those of a past sale were told and are forgotten. */
class ForgottenEvents extends Events {
  override emit(): void {}
}

/**
 * Puts a past sale into the account: the completed session, its customer, its paid first invoice, and a
 * subscription that has reached its present period.
 */
export function recordPastSale(account: Store, sale: PastSale): Sold {
  const store = account.at(sale.at)
  const card = readCard(CARD, sale.at)
  if (!('brand' in card)) throw new Error('the test card makes no sense')
  const open = createSession(store, {
    mode: 'subscription',
    line_items: [{ price: sale.priceId, quantity: '1' }],
    client_reference_id: sale.clientReferenceId,
    customer_email: sale.payer.email,
    metadata: sale.metadata,
    subscription_data: { metadata: sale.metadata },
    success_url: sale.successUrl,
  })
  const events = new ForgottenEvents(store, () => undefined)
  const session = completePayment(store, events, open, card, sale.payer)
  const subscription = store.subscriptions.get(session.subscription ?? '')
  const invoice = store.invoices.get(session.invoice ?? '')
  if (!subscription || !invoice) throw new Error('a paid session has a subscription and an invoice')
  return { session, invoice, subscription: store.subscriptions.put(renewed(subscription, account.seconds())) }
}

function renewed(sold: Subscription, nowSeconds: number): Subscription {
  let subscription = sold
  while (endOf(subscription) <= nowSeconds) subscription = nextPeriod(subscription)
  return subscription
}
