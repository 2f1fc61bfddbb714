import type { Reader } from '../db/open'
import { reading } from '../db/prepared'
import { payments, signups } from '../db/schema'
import type { Session } from '../simulator/stripe/session'
import type { End } from './end'

const paymentOf = reading(payments, 'stripeInvoiceId')
const signupById = reading(signups, 'id')

/** Checkouts that somebody paid and Atlas knows nothing of, in words. */
export function lostPayments({ db, holds }: End): string[] {
  return holds.checkouts
    .filter(({ status }) => status === 'complete')
    .flatMap(({ id, invoice, ...session }) => {
      const signup = signupOf(db, session)
      return [
        ...(signup?.paidAt ? [] : [`the signup of ${id} is ${signup?.status}`]),
        ...(paymentOf(db, { stripeInvoiceId: invoice ?? '' }) ? [] : [`no payment is known of ${id}`]),
      ]
    })
}

/** Checkouts that can still be paid and must not be, in words. */
export function strayCheckouts({ db, holds, priceOf }: End): string[] {
  return holds.checkouts
    .filter(({ status }) => status === 'open')
    .flatMap(({ id, ...session }) => {
      const signup = signupOf(db, session)
      // Whoever closed the window before the answer came has not been shown it.
      if (signup?.status !== 'pending' || (signup.checkoutId ?? id) !== id)
        return [`${id} is open, its signup is ${signup?.status}`]
      const [price] = session.line_items.data.map((line) => line.price.id)
      return price === priceOf(signup.planId) ? [] : [`${id} is for ${signup.planId} and asks ${price}`]
    })
}

function signupOf(db: Reader, session: Pick<Session, 'client_reference_id'>) {
  return signupById(db, { id: session.client_reference_id ?? '' })
}
