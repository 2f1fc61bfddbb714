import { and, asc, eq, sql } from 'drizzle-orm'
import { ATLAS } from '../audit'
import { prepared } from '../db/prepared'
import { signups } from '../db/schema'
import type { Services } from '../services'
import { expireSignup } from '../signups/signup'
import { CHECKOUT_LASTS_MS, syncCheckout } from './checkout'

const SWEPT_AT_ONCE_MAX = 50

const overdue = prepared((db) => {
  const until = sql`coalesce(${signups.checkoutExpiresAt}, ${signups.createdAt} + ${CHECKOUT_LASTS_MS})`
  return (
    db
      .select()
      .from(signups)
      .where(and(eq(signups.status, 'pending'), sql`${until} < ${sql.placeholder('nowMs')}`))
      // Whoever was not looked at for longest: those that a bank takes days for must not keep the others from their turn.
      .orderBy(asc(signups.lookedAt), asc(signups.createdAt), asc(signups.id))
      .limit(SWEPT_AT_ONCE_MAX)
      .prepare()
  )
})

/**
 * Looks at unpaid signups whose checkout should be over: paid ones whose webhook never came become paid, the
 * others give their names free.
 */
export async function sweepCheckouts(services: Services): Promise<void> {
  const { db, clock, log } = services
  const nowMs = clock.now()
  for (const signup of overdue(db.read).all({ nowMs })) {
    db.write((tx) => tx.update(signups).set({ lookedAt: nowMs }).where(eq(signups.id, signup.id)).run())
    try {
      if (signup.checkoutId) await syncCheckout(services, signup.checkoutId)
      else db.write((tx) => expireSignup(tx, signup.id, ATLAS, nowMs))
    } catch (thrown) {
      log.error('an unpaid signup could not be looked at', thrown, { signup: signup.id })
    }
  }
}
