import { and, desc, eq, isNull, ne } from 'drizzle-orm'
import type { Reader } from '../db/open'
import { effects, signups } from '../db/schema'

/** Signups whose checkout could not be opened and still is not, each with the last reason, newest first. */
export function failedCheckouts(db: Reader, limit: number) {
  return db
    .select({
      email: signups.email,
      subdomain: signups.subdomain,
      error: effects.error,
      requestedAt: effects.requestedAt,
    })
    .from(signups)
    .innerJoin(effects, eq(effects.subject, signups.id))
    .where(
      and(
        eq(signups.status, 'pending'),
        isNull(signups.checkoutUrl),
        eq(effects.verb, 'createCheckout'),
        ne(effects.outcome, 'intended'),
      ),
    )
    .orderBy(desc(effects.requestedAt))
    .limit(limit)
    .all()
    .filter(({ subdomain }, index, all) => all.findIndex((one) => one.subdomain === subdomain) === index)
}
