import { and, eq, sql } from 'drizzle-orm'
import { type Actor, audit } from '../audit'
import { findPlanOnSale } from '../catalog/plans'
import type { Reader, Tx } from '../db/open'
import { prepared, updating } from '../db/prepared'
import { signups } from '../db/schema'
import { conflict, invalid, notFound } from '../errors'
import { newId } from '../ids'
import { checkSignupTransition, type SignupStatus } from './status'
import { judgeSubdomain, normalizeSubdomain, skeletonOf } from './subdomain'

export type SignupRow = typeof signups.$inferSelect

/** What a stranger typed into the signup form or sent to the API. */
export type SignupInput = { subdomain: string; email: string; plan: string }

const EMAIL_CHARS_MAX = 254
// Control characters, and those that turn the direction of text, could make one address look like another.
const EMAIL = /^[^\s\p{C}@<>,;:"()[\]\\]+@[a-z0-9]([a-z0-9.-]*[a-z0-9])?\.[a-z]{2,}$/u

/**
 * Creates a pending signup, which holds its name until the checkout ends.
 * Throws `invalid` with a reason for every field that is wrong. `front` is the blueprint of the shop.
 */
export function createSignup(
  tx: Tx,
  input: SignupInput,
  actor: Actor,
  nowMs: number,
  front: { name: string; reservedSubdomains: readonly string[] },
): SignupRow {
  const subdomain = normalizeSubdomain(input.subdomain)
  const email = input.email.trim().toLowerCase()
  const problems: Record<string, string> = {}
  const verdict = judgeSubdomain(tx, subdomain, nowMs, front.reservedSubdomains)
  if (!verdict.ok) problems.subdomain = verdict.words
  if (email === '') problems.email = 'Enter your email address.'
  else if (email.length > EMAIL_CHARS_MAX || !EMAIL.test(email)) {
    problems.email = 'Enter an email address such as ada@example.com.'
  }
  const plan = findPlanOnSale(tx, input.plan, front.name)
  if (!plan) problems.plan = 'Choose one of the plans.'
  if (Object.keys(problems).length > 0 || !plan) throw invalid('Some fields need another look.', problems)

  const signup = tx
    .insert(signups)
    .values({
      id: newId('sig', nowMs),
      status: 'pending',
      subdomain,
      skeleton: skeletonOf(subdomain),
      email,
      planId: plan.id,
      createdAt: nowMs,
      updatedAt: nowMs,
    })
    .returning()
    .get()
  audit(tx, nowMs, {
    actor,
    action: 'signup.created',
    subject: signup.id,
    detail: { subdomain, plan: plan.id },
  })
  return signup
}

const signupById = prepared((db) =>
  db
    .select()
    .from(signups)
    .where(eq(signups.id, sql.placeholder('signupId')))
    .prepare(),
)

/** A signup by its id. Throws `not_found`. */
export function getSignup(db: Reader, signupId: string): SignupRow {
  const signup = signupById(db).get({ signupId })
  if (!signup) throw notFound('There is no such signup.')
  return signup
}

const changeSignup = updating(signups, 'id')

/** Moves a signup to another status, together with what else changes. Throws `conflict` when it may not. */
export function moveSignup(
  tx: Tx,
  signup: SignupRow,
  status: SignupStatus,
  nowMs: number,
  change: Partial<SignupRow> = {},
): void {
  checkSignupTransition(signup.status, status)
  changeSignup(tx, signup, { ...change, status, updatedAt: nowMs })
}

/** Gives up an unpaid signup and with it the hold on its name. Throws `conflict` when it is paid. */
export function expireSignup(tx: Tx, signupId: string, actor: Actor, nowMs: number): void {
  const signup = getSignup(tx, signupId)
  if (signup.status === 'expired') return
  moveSignup(tx, signup, 'expired', nowMs)
  audit(tx, nowMs, { actor, action: 'signup.expired', subject: signup.id })
}

/** The signup that holds a name right now and is not paid yet. */
export function pendingSignupFor(db: Reader, subdomain: string, email: string): SignupRow | undefined {
  return db
    .select()
    .from(signups)
    .where(and(eq(signups.subdomain, subdomain), eq(signups.email, email), eq(signups.status, 'pending')))
    .get()
}

/** Throws `conflict` unless the signup is in this status; `words` say what that means. */
export function requireStatus(signup: SignupRow, status: SignupStatus, words: string): void {
  if (signup.status !== status) throw conflict(words)
}
