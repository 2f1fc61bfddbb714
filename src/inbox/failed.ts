import { desc, eq } from 'drizzle-orm'
import { type Actor, audit } from '../audit'
import type { Reader, Tx } from '../db/open'
import { inbox } from '../db/schema'
import { conflict, notFound } from '../errors'

/** Events that could not be acted on, newest first: a payment may be behind each of them. */
export function failedEvents(db: Reader, limit: number) {
  return db
    .select()
    .from(inbox)
    .where(eq(inbox.status, 'failed'))
    .orderBy(desc(inbox.receivedAt))
    .limit(limit)
    .all()
}

/** Lets a failed event be acted on again. Throws `not_found`, or `conflict` when it has not failed. */
export function retryEvent(tx: Tx, eventId: string, actor: Actor, nowMs: number): void {
  const mine = eq(inbox.eventId, eventId)
  const event = tx.select({ status: inbox.status }).from(inbox).where(mine).get()
  if (!event) throw notFound('There is no such event.')
  if (event.status !== 'failed') throw conflict('Only an event that has failed can be tried again.')
  tx.update(inbox)
    .set({ status: 'received', attempts: 0, availableAt: nowMs, reason: null })
    .where(mine)
    .run()
  audit(tx, nowMs, { actor, action: 'event.retried', subject: eventId })
}
