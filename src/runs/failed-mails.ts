import { desc, eq } from 'drizzle-orm'
import { type Actor, audit } from '../audit'
import type { Reader, Tx } from '../db/open'
import { outbox } from '../db/schema'
import { conflict, notFound } from '../errors'

/** Mails that could not be sent, newest first. */
export function failedMails(db: Reader, limit: number) {
  return db
    .select()
    .from(outbox)
    .where(eq(outbox.status, 'failed'))
    .orderBy(desc(outbox.createdAt))
    .limit(limit)
    .all()
}

/** Lets a failed mail be sent again, under the same key. Throws `not_found`, or `conflict` when it has not failed. */
export function retryMail(tx: Tx, mailId: string, actor: Actor, nowMs: number): void {
  const mine = eq(outbox.id, mailId)
  const mail = tx.select({ status: outbox.status }).from(outbox).where(mine).get()
  if (!mail) throw notFound('There is no such mail.')
  if (mail.status !== 'failed') throw conflict('Only a mail that has failed can be sent again.')
  tx.update(outbox).set({ status: 'queued', attempts: 0, availableAt: nowMs, reason: null }).where(mine).run()
  audit(tx, nowMs, { actor, action: 'mail.retried', subject: mailId })
}
