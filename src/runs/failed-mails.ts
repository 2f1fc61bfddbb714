import { and, desc, eq, gte, or, sql } from 'drizzle-orm'
import { type Actor, audit } from '../audit'
import type { Reader, Tx } from '../db/open'
import { prepared } from '../db/prepared'
import { outbox } from '../db/schema'
import { conflict, notFound } from '../errors'
import { LATE_ATTEMPTS } from './outbox'

/** Whether a mail has failed, or is late and will be tried again only after a while. */
const isInTrouble = or(
  eq(outbox.status, 'failed'),
  and(eq(outbox.status, 'queued'), gte(outbox.attempts, LATE_ATTEMPTS)),
)

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

/** Has such a mail sent now, under the same key. Throws `not_found`, or `conflict` when it is in no trouble. */
export function retryMail(tx: Tx, mailId: string, actor: Actor, nowMs: number): void {
  const mine = eq(outbox.id, mailId)
  if (!tx.select({ id: outbox.id }).from(outbox).where(mine).get()) throw notFound('There is no such mail.')
  if (!tx.select({ id: outbox.id }).from(outbox).where(and(mine, isInTrouble)).get())
    throw conflict('Only a mail that has failed can be sent again.')
  tx.update(outbox).set({ status: 'queued', attempts: 0, availableAt: nowMs, reason: null }).where(mine).run()
  audit(tx, nowMs, { actor, action: 'mail.retried', subject: mailId })
}
