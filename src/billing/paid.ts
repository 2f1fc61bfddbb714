import { createOrganization } from '../accounts/organization'
import { type Actor, audit } from '../audit'
import type { Tx } from '../db/open'
import { payments, subscriptions } from '../db/schema'
import { conflict } from '../errors'
import { newId } from '../ids'
import type { Checkout, PaidSubscription } from '../providers/payments'
import type { Services } from '../services'
import { welcomePaidSignup } from '../signups/approve'
import { getPlan, moveSignup, type PlanRow, type SignupRow } from '../signups/signup'

/**
 * Makes a pending signup's organization, subscription and payment from its paid checkout, and approves it when its
 * plan says so. Throws `conflict` when the payment is not the one that was asked for.
 */
export function markPaid(
  tx: Tx,
  services: Services,
  signup: SignupRow,
  checkout: Checkout,
  nowMs: number,
): void {
  const plan = getPlan(tx, signup.planId)
  refuseOtherPayment(services, plan, checkout)
  const { subscription, customerId } = checkout
  if (!subscription || !customerId) throw conflict('Stripe says paid, but names no subscription.')
  if (signup.status === 'expired') {
    throw conflict('A signup that was given up has been paid. Refund it at Stripe, then have it made anew.')
  }
  if (signup.status !== 'pending') {
    mirrorSubscription(tx, signup, subscription, nowMs)
    return
  }
  const organization = { name: signup.subdomain, ownerEmail: signup.email, stripeCustomerId: customerId }
  const organizationId = createOrganization(tx, organization, nowMs)
  moveSignup(tx, signup, 'paid', nowMs, { organizationId, paidAt: nowMs, checkoutId: checkout.id })
  mirrorSubscription(tx, { ...signup, organizationId }, subscription, nowMs)
  recordPayment(tx, organizationId, checkout, nowMs)
  const detail = { amount: checkout.amountTotal, currency: checkout.currency }
  audit(tx, nowMs, { actor: customerActor(signup), action: 'signup.paid', subject: signup.id, detail })
  welcomePaidSignup(tx, services, signup.id, nowMs)
}

/** An authentic event may still speak of another price, another currency or a test payment. */
function refuseOtherPayment(services: Services, plan: PlanRow, checkout: Checkout): void {
  const expected = services.catalog.plan(plan.id).priceId
  if (checkout.livemode !== services.settings.livemode) {
    throw conflict('A payment in the other mode (test or live) of Stripe does not count here.')
  }
  if (checkout.subscription?.priceId !== expected) throw conflict('The payment is for another price.')
  if (checkout.amountTotal !== plan.amount || checkout.currency !== plan.currency) {
    throw conflict('The payment has another amount or currency than the plan.')
  }
}

function mirrorSubscription(
  tx: Tx,
  signup: Pick<SignupRow, 'organizationId' | 'planId'>,
  subscription: PaidSubscription,
  nowMs: number,
): void {
  if (!signup.organizationId) return
  const mirror = {
    status: subscription.status,
    priceId: subscription.priceId,
    currentPeriodEnd: subscription.currentPeriodEnd,
    cancelAtPeriodEnd: subscription.cancelAtPeriodEnd,
    updatedAt: nowMs,
  }
  const row = {
    id: newId('sub', nowMs),
    organizationId: signup.organizationId,
    stripeId: subscription.id,
    planId: signup.planId,
    createdAt: nowMs,
    ...mirror,
  }
  tx.insert(subscriptions)
    .values(row)
    .onConflictDoUpdate({ target: subscriptions.stripeId, set: mirror })
    .run()
}

function recordPayment(tx: Tx, organizationId: string, checkout: Checkout, nowMs: number): void {
  const { payment } = checkout
  if (!payment) return
  tx.insert(payments)
    .values({
      id: newId('pay', nowMs),
      organizationId,
      stripeInvoiceId: payment.invoiceId,
      amount: payment.amount,
      currency: payment.currency,
      status: payment.status,
      paidAt: payment.paidAt,
      createdAt: nowMs,
    })
    .onConflictDoNothing()
    .run()
}

function customerActor(signup: SignupRow): Actor {
  return { id: `customer:${signup.email}` }
}
