import type { signups } from '../db/schema'
import { conflict } from '../errors'

export type SignupStatus = typeof signups.$inferSelect.status

/** Every transition a signup may make; migrations hold the same list as a trigger. */
export const SIGNUP_TRANSITIONS: Record<SignupStatus, readonly SignupStatus[]> = {
  pending: ['paid', 'expired'],
  paid: ['provisioning', 'refunded'],
  provisioning: ['active', 'failed'],
  failed: ['provisioning', 'paid', 'refunded'],
  active: [],
  refunded: [],
  expired: [],
}

/** Throws `conflict` with the reason when a signup may not go from one status to another. */
export function checkSignupTransition(from: SignupStatus, to: SignupStatus): void {
  if (SIGNUP_TRANSITIONS[from].includes(to)) return
  throw conflict(`A signup that is ${from} can't become ${to}.`)
}
