import { sql } from 'drizzle-orm'
import type { Reader } from '../db/open'
import { prepared } from '../db/prepared'
import { counters, inbox } from '../db/schema'
import { REFUSED, STRIPE } from './inbox'

const refusedAlone = prepared((db) =>
  db
    .select({ refused: counters.value })
    .from(counters)
    .where(
      sql`${counters.name} = ${REFUSED} AND NOT EXISTS (SELECT 1 FROM ${inbox} WHERE ${inbox.source} = ${STRIPE})`,
    )
    .prepare(),
)

/**
 * How many webhooks did not verify while none ever has: most likely their secret is another endpoint's. Zero once one
 * has, because from then on those that don't are somebody else's.
 */
export function refusedWithoutOne(db: Reader): number {
  return refusedAlone(db).get()?.refused ?? 0
}
