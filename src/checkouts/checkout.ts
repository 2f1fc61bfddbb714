import { ATLAS } from '../audit'
import { refuseOtherPrice } from '../billing/price'
import { reading, updating } from '../db/prepared'
import { signups } from '../db/schema'
import { AtlasError, asAtlasError, conflict, unavailable } from '../errors'
import { type Checkout, type PaidSubscription, REMEMBERED_FAILURE } from '../providers/payments'
import { performEffect } from '../runs/effects'
import type { Services } from '../services'
import { signupToken } from '../signups/link'
import { expireSignup, getSignup, requireStatus, type SignupRow } from '../signups/signup'
import { markPaid } from './paid'

/** How long a name is held for someone who is paying. Stripe takes 30 minutes to 24 hours. */
export const CHECKOUT_LASTS_MS = 3_600_000
/** What Stripe wants a checkout to last at least, and a minute for the way there. */
const CHECKOUT_REST_MIN_MS = 31 * 60_000
const NOT_PENDING = 'This signup is paid or was given up.'

const signupById = reading(signups, 'id')
const changeSignup = updating(signups, 'id')

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
  const before = await orLater(services, signupId, async () =>
    held.checkoutId ? syncCheckout(services, held.checkoutId) : null,
  )
  if (before?.status === 'complete')
    throw conflict('This signup is paid, or the bank is still working on it.')
  const signup = getSignup(db.read, signupId)
  requireStatus(signup, 'pending', NOT_PENDING)

  const checkout = await orLater(services, signupId, () => askForCheckout(services, signup))
  if (!checkout.url) throw conflict('This checkout is closed already. Reload the page.')
  const { id, url } = checkout
  db.write((tx) => {
    // Given up while Stripe was asked: then nobody may see this checkout.
    requireStatus(getSignup(tx, signupId), 'pending', NOT_PENDING)
    changeSignup(tx, signup, { checkoutId: id, checkoutUrl: url, checkoutExpiresAt: checkout.expiresAt })
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
  const signup = checkout.signupId ? signupById(db.read, { id: checkout.signupId }) : undefined
  if (!signup) return checkout
  db.write((tx) => {
    const fresh = getSignup(tx, signup.id)
    if (checkout.status === 'complete' && checkout.paymentStatus !== 'unpaid') {
      markPaid(tx, services, fresh, checkout, clock.now())
      return
    }
    const current = fresh.checkoutId === checkout.id
    if (isOver(checkout) && current && fresh.status === 'pending') {
      expireSignup(tx, fresh.id, ATLAS, clock.now())
    }
  })
  return checkout
}

/** Nothing will be paid here any more: its time ended, or the bank said no after days of work. */
function isOver({ status, subscription }: Checkout): boolean {
  const refused: (PaidSubscription['status'] | undefined)[] = ['incomplete_expired', 'canceled', 'unpaid']
  return status === 'expired' || refused.includes(subscription?.status)
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
  const create = async () => {
    await refuseOtherPrice(services, signup.planId)
    return stripe.createCheckout(request)
  }
  try {
    return await performEffect(db, clock, { subject: signup.id }, intent, create, (reply) => reply.id)
  } catch (thrown) {
    if (isSpent(thrown)) giveUpAttempt(services, signup)
    throw thrown
  }
}

/**
 * Asks Stripe on behalf of a customer. What it holds against Atlas itself, such as a key or a price, is nothing that
 * they can mend: they may try later (`unavailable`), and the operator is shown the ledger's words.
 */
export async function orLater<T>({ log }: Services, signupId: string, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask()
  } catch (thrown) {
    const error = asAtlasError(thrown)
    if (error.code === 'unavailable' || error.code === 'internal') throw error
    log.error('Stripe could not be asked for a customer', error, { signup: signupId })
    const words = 'The payment can’t be opened right now. Your name is held: try again in a little while.'
    throw unavailable(words, { outcome: 'refused', cause: error })
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
  db.write((tx) => changeSignup(tx, signup, { checkoutExpiresAt: null }))
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
    changeSignup(tx, signup, change)
    return { attempt, expiresAt }
  })
}
