import { and, desc, eq } from 'drizzle-orm'
import { type Actor, audit } from '../audit'
import type { Reader, Tx } from '../db/open'
import { outbox } from '../db/schema'
import { conflict } from '../errors'

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

/** Lets a failed mail be sent again, under the same key. Throws `conflict` when it has not failed. */
export function retryMail(tx: Tx, mailId: string, actor: Actor, nowMs: number): void {
  const [mail] = tx
    .update(outbox)
    .set({ status: 'queued', attempts: 0, availableAt: nowMs, reason: null })
    .where(and(eq(outbox.id, mailId), eq(outbox.status, 'failed')))
    .returning()
    .all()
  if (!mail) throw conflict('Only a mail that has failed can be sent again.')
  audit(tx, nowMs, { actor, action: 'mail.retried', subject: mailId })
}
