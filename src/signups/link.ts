import { notFound } from '../errors'
import { sign, verifySigned } from '../secrets'

const PURPOSE = 'signup'

/** What lets a customer, who has no session yet, see their own signup: its id, signed. */
export function signupToken(authSecret: string, signupId: string): string {
  return sign(authSecret, PURPOSE, signupId)
}

/** The signup that a token names. Throws `not_found` for a token that Atlas did not make. */
export function signupIdFrom(authSecret: string, token: string): string {
  const id = verifySigned(authSecret, PURPOSE, token)
  if (!id) throw notFound('There is no such signup.')
  return id
}
