import { createOrganization } from '../accounts/organization'
import { type Actor, audit } from '../audit'
import { mirrorPayment, mirrorSubscription } from '../billing/mirror'
import { getPlan, type PlanRow } from '../catalog/plans'
import type { Tx } from '../db/open'
import { conflict } from '../errors'
import { welcomePaidSignup } from '../lifecycle/approve'
import type { Checkout } from '../providers/payments'
import type { Services } from '../services'
import { moveSignup, type SignupRow } from '../signups/signup'

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
  const { subscription, customerId, payment } = checkout
  if (!subscription || !customerId) throw conflict('Stripe says paid, but names no subscription.')
  if (signup.status === 'expired') {
    throw conflict('A signup that was given up has been paid. Refund it at Stripe, then have it made anew.')
  }
  if (signup.status !== 'pending') return
  const organization = { name: signup.subdomain, ownerEmail: signup.email, stripeCustomerId: customerId }
  const organizationId = createOrganization(tx, organization, nowMs)
  moveSignup(tx, signup, 'paid', nowMs, { organizationId, paidAt: nowMs, checkoutId: checkout.id })
  mirrorSubscription(tx, services, organizationId, subscription, plan.id, nowMs)
  if (payment) mirrorPayment(tx, organizationId, payment, nowMs)
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

function customerActor(signup: SignupRow): Actor {
  return { id: `customer:${signup.email}` }
}
