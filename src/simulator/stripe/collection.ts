import type { Subscription } from './billing'
import type { Call } from './call'
import { charge, declinedCharge } from './charge'
import { takeDecline } from './declines'
import { cardDeclined, type Refusal, wrong } from './errors'
import { flag } from './form'
import { type Invoice, invoicePayment, paid, tried } from './invoice'
import { customerOf, type Scene } from './invoicing'
import { declinedIntent, paymentIntent } from './payment-intent'
import { cardOf } from './payment-method'
import type { Store } from './store'

const DAY_S = 86_400
/** How long Stripe waits before it tries a declined card again; after the last it gives up. */
const RETRIES_AFTER_S = [3 * DAY_S, 5 * DAY_S, 7 * DAY_S]

/** Charges the card on file for an open invoice, and tells what became of it. */
export function collect(scene: Scene, open: Invoice): Invoice {
  if (open.amount_due === 0) return settle(scene, open)
  return takeDecline(scene.store, open.customer) ? fail(scene, open) : settle(scene, open, pay(scene, open))
}

/** Pays an invoice as `POST /v1/invoices/:id/pay` does; a declined card is a refusal that leaves its traces. */
export function payInvoice(call: Call, known: Invoice): Invoice | Refusal {
  if (known.status === 'paid') throw wrong('Invoice is already paid')
  if (known.status !== 'open') throw wrong(`This invoice is ${known.status} and can't be paid.`)
  if (flag(call.params, 'paid_out_of_band')) return settle(call, known)
  const tried = collect(call, known)
  return tried.status === 'paid' ? tried : cardDeclined('generic_decline')
}

/** The money for an invoice is there, by a payment or otherwise. */
export function settle(scene: Scene, open: Invoice, payment?: object): Invoice {
  const { store, events, origin } = scene
  const done = store.invoices.put(paid(open, store.seconds()))
  if (payment) events.emit('payment_intent.succeeded', payment, origin)
  events.emit('invoice.paid', done, origin)
  events.emit('invoice.payment_succeeded', done, origin)
  markSubscription(scene, done, 'past_due', 'active')
  return done
}

function fail(scene: Scene, open: Invoice): Invoice {
  const { store, events, origin } = scene
  const refused = declinedIntent(payment(scene, open, declinedCharge))
  const wait = open.auto_advance ? RETRIES_AFTER_S[open.attempt_count] : undefined
  const failed = store.invoices.put(tried(open, wait === undefined ? null : store.seconds() + wait))
  events.emit('payment_intent.payment_failed', store.intents.put(refused), origin)
  events.emit('invoice.payment_failed', failed, origin)
  markSubscription(scene, failed, 'active', 'past_due')
  return failed
}

/** A payment that succeeds: its intent, and the link between it and the invoice. */
function pay(scene: Scene, open: Invoice): object {
  const { store } = scene
  const intent = store.intents.put(payment(scene, open, (one) => one))
  store.invoicePayments.put(invoicePayment(store.base('inpay'), { invoice: open, intent: intent.id }))
  return intent
}

function payment({ store }: Scene, open: Invoice, outcome: typeof declinedCharge) {
  const subscription = subscriptionOf(store, open)
  const method = store.methods.get(subscription.default_payment_method)
  if (!method) throw new Error('a subscription has a card on file')
  const { email, name } = customerOf(store, open)
  const isFirst = open.billing_reason === 'subscription_create'
  const money = {
    amount: open.amount_due,
    currency: open.currency,
    customer: open.customer,
    method: method.id,
    description: isFirst ? 'Subscription creation' : 'Subscription update',
  }
  const chargeBase = store.base('ch')
  const intent = paymentIntent(store.base('pi'), { ...money, charge: chargeBase.id })
  store.charges.put(
    outcome(charge(chargeBase, { ...money, card: cardOf(method), intent: intent.id, email, name })),
  )
  return intent
}

/** A subscription is as good as its latest invoice. */
function markSubscription(
  { store, events, origin }: Scene,
  invoice: Invoice,
  from: Subscription['status'],
  to: Subscription['status'],
): void {
  const subscription = subscriptionOf(store, invoice)
  if (subscription.latest_invoice !== invoice.id || subscription.status !== from) return
  const marked = store.subscriptions.put({ ...subscription, status: to })
  events.emit('customer.subscription.updated', marked, origin)
}

function subscriptionOf(store: Store, { parent }: Invoice): Subscription {
  const subscription = store.subscriptions.get(parent.subscription_details.subscription)
  if (!subscription) throw new Error('an invoice has a subscription')
  return subscription
}
