import { type Subscription, subscription } from './billing'
import type { Card } from './cards'
import { charge, type PaymentIntent, type PaymentMethod, paymentIntent, paymentMethod } from './charge'
import { presented } from './checkout'
import { type Events, NO_REQUEST } from './events'
import { type Invoice, invoice, invoicePayment } from './invoice'
import { amountWords } from './money'
import { type Customer, customer } from './objects'
import { customerDetails, type Session } from './session'
import type { Store } from './store'

export type Payer = { email: string; name: string }

type Sale = {
  buyer: Customer
  method: PaymentMethod
  sold: Subscription
  billed: Invoice
  intent: PaymentIntent
}

/**
 * The card went through: the session is complete, and its customer, subscription, paid invoice, payment
 * intent and charge exist, each told by its event.
 */
export function completePayment(
  store: Store,
  events: Events,
  session: Session,
  card: Card,
  payer: Payer,
): Session {
  const sale = sell(store, session, card, payer)
  const complete = store.sessions.put({
    ...session,
    status: 'complete',
    payment_status: 'paid',
    customer: sale.buyer.id,
    customer_details: customerDetails(payer.email, payer.name),
    subscription: sale.sold.id,
    invoice: sale.billed.id,
  })
  if (session.customer === null) events.emit('customer.created', sale.buyer, NO_REQUEST)
  for (const [type, object] of told(sale)) events.emit(type, object, NO_REQUEST)
  events.emit('checkout.session.completed', presented(complete, null), NO_REQUEST)
  return complete
}

function sell(store: Store, session: Session, card: Card, payer: Payer): Sale {
  const [line] = session.line_items.data
  if (!line) throw new Error('a session has a line item')
  const buyer = buyerOf(store, session, payer)
  const method = store.methods.put(paymentMethod(store.base('pm'), { card, customer: buyer.id, ...payer }))
  const invoiceBase = store.base('in')
  const sold = store.subscriptions.put(
    subscription(store.base('sub'), {
      item: store.id('si', 8),
      customer: buyer.id,
      price: line.price,
      method: method.id,
      invoice: invoiceBase.id,
      metadata: session.subscription_metadata,
    }),
  )
  const { unit_amount, currency, recurring } = line.price
  const each = `${amountWords(unit_amount, currency)} / ${recurring.interval}`
  const billed = store.invoices.put(
    invoice(invoiceBase, {
      line: store.id('il'),
      number: `${buyer.invoice_prefix}-0001`,
      customer: buyer,
      subscription: sold,
      description: `1 × ${line.description} (at ${each})`,
    }),
  )
  return { buyer, method, sold, billed, intent: pay(store, billed, method, card, payer) }
}

function buyerOf(store: Store, session: Session, payer: Payer): Customer {
  const known = session.customer === null ? undefined : store.customers.get(session.customer)
  if (known) return known
  return store.customers.put({
    ...customer(store.base('cus', 8), { ...payer, metadata: {} }),
    currency: session.currency,
  })
}

/** The intent, its charge and the link between invoice and intent. */
function pay(store: Store, billed: Invoice, method: PaymentMethod, card: Card, payer: Payer): PaymentIntent {
  const chargeBase = store.base('ch')
  const money = {
    amount: billed.total,
    currency: billed.currency,
    customer: billed.customer,
    method: method.id,
    description: 'Subscription creation',
  }
  const intent = store.intents.put(paymentIntent(store.base('pi'), { ...money, charge: chargeBase.id }))
  store.charges.put(charge(chargeBase, { ...money, card, intent: intent.id, ...payer }))
  store.invoicePayments.put(invoicePayment(store.base('inpay'), { invoice: billed, intent: intent.id }))
  return intent
}

/** What happened, in order; the invoice as it was at each moment. */
function told({ method, sold, billed, intent }: Sale): [string, object][] {
  const open = {
    ...billed,
    amount_paid: 0,
    amount_remaining: billed.amount_due,
    attempt_count: 0,
    attempted: false,
    status: 'open',
    status_transitions: { ...billed.status_transitions, paid_at: null },
  }
  const draft = {
    ...open,
    status: 'draft',
    status_transitions: { ...open.status_transitions, finalized_at: null },
  }
  return [
    ['payment_method.attached', method],
    ['customer.subscription.created', sold],
    ['invoice.created', draft],
    ['invoice.finalized', open],
    ['payment_intent.succeeded', intent],
    ['invoice.paid', billed],
    ['invoice.payment_succeeded', billed],
  ]
}
