import { and, eq, gte, min, sql } from 'drizzle-orm'
import type { Reader } from '../db/open'
import { prepared } from '../db/prepared'
import { effects, type outbox } from '../db/schema'

type MailRow = typeof outbox.$inferSelect

/** Resend knows a key for 24 hours, of which one is left alone: https://resend.com/docs/dashboard/emails/idempotency-keys */
const KEY_TRUSTED_MS = 23 * 3_600_000

const firstUnknown = prepared((db) => {
  const { subject, requestedAt, key, outcome } = effects
  const mine = and(eq(subject, sql.placeholder('subject')), gte(requestedAt, sql.placeholder('createdAt')))
  const isUnknown = and(eq(key, sql.placeholder('key')), eq(outcome, 'unknown'))
  return db
    .select({ at: min(requestedAt) })
    .from(effects)
    .where(and(mine, isUnknown))
    .prepare()
})

/**
 * Whether nobody can find out any more if a mail has arrived: a try of it was never answered, and Resend has forgotten
 * its key. Whoever sent it now could send it twice.
 */
export function isInDoubt(db: Reader, mail: MailRow, nowMs: number): boolean {
  const { subject, createdAt, idempotencyKey: key } = mail
  if (nowMs - createdAt < KEY_TRUSTED_MS) return false
  const { at = null } = firstUnknown(db).get({ subject, createdAt, key }) ?? {}
  return at !== null && nowMs - at >= KEY_TRUSTED_MS
}
