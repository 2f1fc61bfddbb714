import type { Actor } from '../audit'
import { findPlanOnSale } from '../catalog/plans'
import { AtlasError } from '../errors'
import { performEffect } from '../runs/effects'
import type { Services } from '../services'
import {
  createSignup,
  expireSignup,
  getSignup,
  pendingSignupFor,
  type SignupInput,
  type SignupRow,
} from '../signups/signup'
import { namesKept, normalizeSubdomain } from '../signups/subdomain'
import { openCheckout, orLater, syncCheckout } from './checkout'

/** A signup with its checkout's address; or, when Stripe could not be asked, with what went wrong. */
export type StartedCheckout = { signupId: string; url: string | null; problem?: AtlasError }

/**
 * Begins a signup and opens its checkout. The same person asking again for the same name goes on with the signup
 * they have, so a double click or a way back makes no second one. Throws `invalid` with a reason for each field.
 */
export async function startCheckout(
  services: Services,
  input: SignupInput,
  actor: Actor,
): Promise<StartedCheckout> {
  const signupId = (await signupToGoOnWith(services, input))?.id ?? newSignup(services, input, actor)
  try {
    return { signupId, url: await openCheckout(services, signupId) }
  } catch (thrown) {
    if (!(thrown instanceof AtlasError) || thrown.code !== 'unavailable') throw thrown
    return { signupId, url: null, problem: thrown }
  }
}

async function signupToGoOnWith(services: Services, input: SignupInput): Promise<SignupRow | undefined> {
  const { db, catalog } = services
  const { name, email } = holderOf(input)
  const held = pendingSignupFor(db.read, name, email)
  const plan = findPlanOnSale(db.read, input.plan, catalog.front.name)
  if (!held || !plan || held.planId === plan.id) return held
  // Another plan for the same name: the old checkout must be closed first, or both could be paid.
  return (await abandonCheckout(services, held.id)) ? undefined : getSignup(db.read, held.id)
}

function newSignup(services: Services, input: SignupInput, actor: Actor): string {
  const { db, clock, catalog } = services
  const front = { name: catalog.front.name, reservedSubdomains: namesKept(services) }
  const { name, email } = holderOf(input)
  return db.write((tx) => {
    // The other click of a double click may have been a moment faster.
    const held = pendingSignupFor(tx, name, email)
    return held ?? createSignup(tx, input, actor, clock.now(), front)
  }).id
}

function holderOf({ subdomain, email }: SignupInput): { name: string; email: string } {
  return { name: normalizeSubdomain(subdomain), email: email.trim().toLowerCase() }
}

/** Closes a signup's checkout and gives its name free; resolves to false when it is being paid. */
async function abandonCheckout(services: Services, signupId: string): Promise<boolean> {
  const { db, clock, payments } = services
  const signup = getSignup(db.read, signupId)
  const { checkoutId } = signup
  if (checkoutId) {
    const intent = { provider: 'stripe' as const, verb: 'expireCheckout', key: checkoutId, summary: {} }
    const expire = () => payments.expireCheckout(checkoutId)
    const { status } = await orLater(services, signupId, async () => {
      await performEffect(db, clock, { subject: signupId }, intent, expire)
      return syncCheckout(services, checkoutId)
    })
    if (status === 'complete') return false
  }
  return db.write((tx) => {
    const now = getSignup(tx, signupId)
    if (now.status === 'pending') expireSignup(tx, signupId, { id: `customer:${signup.email}` }, clock.now())
    return now.status === 'pending' || now.status === 'expired'
  })
}
