import { eq } from 'drizzle-orm'
import { createOrganization } from '../accounts/organization'
import { type Actor, ATLAS, audit } from '../audit'
import type { Tx } from '../db/open'
import { payments, signups, subscriptions } from '../db/schema'
import { AtlasError, conflict } from '../errors'
import { newId } from '../ids'
import { type Checkout, type PaidSubscription, REMEMBERED_FAILURE } from '../providers/payments'
import { performEffect } from '../runs/effects'
import type { Services } from '../services'
import { welcomePaidSignup } from '../signups/approve'
import { signupToken } from '../signups/link'
import {
  expireSignup,
  getPlan,
  getSignup,
  moveSignup,
  type PlanRow,
  requireStatus,
  type SignupRow,
} from '../signups/signup'

/** How long a name is held for someone who is paying. Stripe takes 30 minutes to 24 hours. */
export const CHECKOUT_LASTS_MS = 3_600_000
/** What Stripe wants a checkout to last at least, and a minute for the way there. */
const CHECKOUT_REST_MIN_MS = 31 * 60_000
const NOT_PENDING = 'This signup is paid or was given up.'

/**
 * The address where this signup is paid: its open checkout, or a new one. The idempotency key makes a second
 * call, or one whose reply was lost, end at the same checkout. Throws `conflict` when it is not pending.
 */
export async function openCheckout(services: Services, signupId: string): Promise<string> {
  const { db, clock } = services
  const held = getSignup(db.read, signupId)
  if (held.status === 'pending' && held.checkoutUrl && (held.checkoutExpiresAt ?? 0) > clock.now())
    return held.checkoutUrl
  // An older checkout may have been paid without a word reaching us; a second one must not be.
  const before = held.checkoutId ? await syncCheckout(services, held.checkoutId) : null
  if (before?.status === 'complete')
    throw conflict('This signup is paid, or the bank is still working on it.')
  const signup = getSignup(db.read, signupId)
  requireStatus(signup, 'pending', NOT_PENDING)

  const checkout = await askForCheckout(services, signup)
  if (!checkout.url) throw conflict('This checkout is closed already. Reload the page.')
  const { id, url } = checkout
  db.write((tx) => {
    // Given up while Stripe was asked: then nobody may see this checkout.
    requireStatus(getSignup(tx, signupId), 'pending', NOT_PENDING)
    tx.update(signups)
      .set({ checkoutId: id, checkoutUrl: url, checkoutExpiresAt: checkout.expiresAt })
      .where(eq(signups.id, signup.id))
      .run()
  })
  return url
}

/**
 * Makes our rows equal to a checkout as Stripe has it now; order, duplicates and gaps of events do not matter.
 * A signup that becomes paid is approved at once when its plan says so. Throws `conflict` when the payment is not
 * the one that was asked for.
 */
export async function syncCheckout(services: Services, checkoutId: string): Promise<Checkout> {
  const { db, clock, payments: stripe } = services
  const checkout = await stripe.getCheckout(checkoutId)
  const signup = checkout.signupId
    ? db.read.select().from(signups).where(eq(signups.id, checkout.signupId)).get()
    : undefined
  if (!signup) return checkout
  db.write((tx) => {
    const fresh = getSignup(tx, signup.id)
    if (checkout.status === 'complete' && checkout.paymentStatus !== 'unpaid') {
      markPaid(tx, services, fresh, checkout, clock.now())
      return
    }
    const current = fresh.checkoutId === checkout.id
    if (checkout.status === 'expired' && current && fresh.status === 'pending') {
      expireSignup(tx, fresh.id, ATLAS, clock.now())
    }
  })
  return checkout
}

async function askForCheckout(services: Services, signup: SignupRow): Promise<Checkout> {
  const { db, clock, settings, catalog, payments: stripe } = services
  const { attempt, expiresAt } = beginAttempt(services, signup)
  const page = (path: string) =>
    `${settings.baseUrl}${path}?signup=${signupToken(settings.authSecret, signup.id)}`
  const key = `${signup.id}-checkout-${attempt}`
  const request = {
    signupId: signup.id,
    email: signup.email,
    priceId: catalog.plan(signup.planId).priceId,
    successUrl: page('/signup/success'),
    cancelUrl: page('/signup/checkout'),
    expiresAt,
    idempotencyKey: key,
  }
  const summary = { plan: signup.planId, email: signup.email }
  const intent = { provider: 'stripe' as const, verb: 'createCheckout', key, summary }
  try {
    const create = () => stripe.createCheckout(request)
    return await performEffect(db, clock, { subject: signup.id }, intent, create, (reply) => reply.id)
  } catch (thrown) {
    if (isSpent(thrown)) giveUpAttempt(services, signup)
    throw thrown
  }
}

/**
 * Whether a key can't lead to a checkout any more: a failure that Stripe has remembered comes back under it for a
 * day, and so does a refusal when what is asked has changed, such as BASE_URL.
 */
function isSpent(thrown: unknown): boolean {
  return (
    thrown instanceof AtlasError && (thrown.vendorCode === REMEMBERED_FAILURE || thrown.code === 'conflict')
  )
}

/** The checkout that it may have made was shown to nobody and can't be paid, so a new key is harmless. */
function giveUpAttempt({ db }: Services, signup: SignupRow): void {
  db.write((tx) => tx.update(signups).set({ checkoutExpiresAt: null }).where(eq(signups.id, signup.id)).run())
}

function beginAttempt(services: Services, signup: SignupRow): { attempt: number; expiresAt: number } {
  const { db, clock } = services
  // A checkout that was never shown can't be paid, so one that Stripe would find too short makes room for another.
  const over = (signup.checkoutExpiresAt ?? 0) < clock.now() + CHECKOUT_REST_MIN_MS
  return db.write((tx) => {
    const attempt = signup.checkoutAttempt + (over ? 1 : 0)
    // The same attempt must send the same bytes, or Stripe refuses its idempotency key.
    const expiresAt = over ? clock.now() + CHECKOUT_LASTS_MS : (signup.checkoutExpiresAt ?? 0)
    const change = { checkoutAttempt: attempt, checkoutExpiresAt: expiresAt, checkoutUrl: null }
    tx.update(signups).set(change).where(eq(signups.id, signup.id)).run()
    return { attempt, expiresAt }
  })
}

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
