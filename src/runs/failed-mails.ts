import { and, desc, eq, gt, gte, isNull, or, sql } from 'drizzle-orm'
import { type Actor, audit } from '../audit'
import type { Reader, Tx } from '../db/open'
import { prepared } from '../db/prepared'
import { outbox } from '../db/schema'
import { conflict, notFound } from '../errors'
import { isInDoubt } from './mail-doubt'
import { LATE_ATTEMPTS } from './outbox'

/**
 * A mail that has failed, or is late and will be tried again only after a while. Literals, and times after the first of
 * all: SQLite uses a partial index for a half of an OR only when its column stands there too.
 */
const isInTrouble = or(
  and(eq(outbox.status, 'failed'), gt(outbox.createdAt, 0), isNull(outbox.dismissedAt)),
  and(eq(outbox.status, 'queued'), gt(outbox.availableAt, 0), gte(outbox.attempts, LATE_ATTEMPTS)),
)?.inlineParams()

/** Mails that could not be sent so far, newest first. */
export function failedMails(db: Reader, limit: number) {
  return troubled(db).all({ limit })
}

const troubled = prepared((db) =>
  db
    .select()
    .from(outbox)
    .where(isInTrouble)
    .orderBy(desc(outbox.createdAt))
    .limit(sql.placeholder('limit'))
    .prepare(),
)

/**
 * Has such a mail sent now: under the same key, or under a new one when nobody knows whether it has arrived under that.
 * Throws `not_found`, or `conflict` when it is in no trouble.
 */
export function retryMail(tx: Tx, mailId: string, actor: Actor, nowMs: number): void {
  const mail = troubledMail(tx, mailId)
  const isAnew = isInDoubt(tx, mail, nowMs)
  const idempotencyKey = isAnew ? `${mail.idempotencyKey}-again-${nowMs}` : mail.idempotencyKey
  const change = { status: 'queued' as const, attempts: 0, availableAt: nowMs, reason: null, idempotencyKey }
  tx.update(outbox).set(change).where(eq(outbox.id, mailId)).run()
  audit(tx, nowMs, { actor, action: 'mail.retried', subject: mailId })
}

/**
 * Takes somebody's word that such a mail needs nothing more: it has arrived, or need not. Throws `not_found`, or
 * `conflict` when it is in no trouble.
 */
export function dismissMail(tx: Tx, mailId: string, actor: Actor, nowMs: number): void {
  troubledMail(tx, mailId)
  const change = { status: 'failed' as const, dismissedAt: nowMs, sealed: null }
  tx.update(outbox).set(change).where(eq(outbox.id, mailId)).run()
  audit(tx, nowMs, { actor, action: 'mail.dismissed', subject: mailId })
}

function troubledMail(tx: Tx, mailId: string) {
  const mine = eq(outbox.id, mailId)
  if (!tx.select({ id: outbox.id }).from(outbox).where(mine).get()) throw notFound('There is no such mail.')
  const mail = tx.select().from(outbox).where(and(mine, isInTrouble)).get()
  if (!mail) throw conflict('Only a mail that has failed can be sent again or dismissed.')
  return mail
}
