import { type Subscription, subscription } from './billing'
import type { Card } from './cards'
import { presented } from './checkout'
import { collect } from './collection'
import { type Events, NO_REQUEST } from './events'
import { finalize, periodLines, type Scene, writeInvoice } from './invoicing'
import { type Customer, customer } from './objects'
import { paymentMethod } from './payment-method'
import { customerDetails, type Session } from './session'
import type { Store } from './store'

export type Payer = { email: string; name: string }

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
  return store.world.transaction(() => {
    const sold = sell({ store, events, origin: NO_REQUEST }, session, card, payer)
    const complete = store.sessions.put({
      ...session,
      status: 'complete',
      payment_status: 'paid',
      customer: sold.customer,
      customer_details: customerDetails(payer.email, payer.name),
      subscription: sold.id,
      invoice: sold.latest_invoice,
    })
    events.emit('checkout.session.completed', presented(complete, null), NO_REQUEST)
    return complete
  })
}

function sell(scene: Scene, session: Session, card: Card, payer: Payer): Subscription {
  const { store, events, origin } = scene
  const [line] = session.line_items.data
  if (!line) throw new Error('a session has a line item')
  const buyer = buyerOf(scene, session, payer)
  const method = store.methods.put(paymentMethod(store.base('pm'), { card, customer: buyer.id, ...payer }))
  events.emit('payment_method.attached', method, origin)
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
  events.emit('customer.subscription.created', sold, origin)
  const period = { start: invoiceBase.created, end: invoiceBase.created }
  const lines = periodLines(scene, sold)
  const writing = { reason: 'subscription_create' as const, lines, period, draftLastsS: 0 }
  collect(scene, finalize(scene, writeInvoice(scene, sold, writing, invoiceBase)))
  return sold
}

function buyerOf({ store, events, origin }: Scene, session: Session, payer: Payer): Customer {
  const known = session.customer === null ? undefined : store.customers.get(session.customer)
  if (known) return known
  const made = store.customers.put({
    ...customer(store.base('cus', 8), { ...payer, metadata: {} }),
    currency: session.currency,
  })
  events.emit('customer.created', made, origin)
  return made
}
