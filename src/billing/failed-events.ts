import { and, desc, eq } from 'drizzle-orm'
import { type Actor, audit } from '../audit'
import type { Reader, Tx } from '../db/open'
import { inbox } from '../db/schema'
import { conflict } from '../errors'

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

/** Lets a failed event be acted on again. Throws `conflict` when it has not failed. */
export function retryEvent(tx: Tx, eventId: string, actor: Actor, nowMs: number): void {
  const [event] = tx
    .update(inbox)
    .set({ status: 'received', attempts: 0, availableAt: nowMs, reason: null })
    .where(and(eq(inbox.eventId, eventId), eq(inbox.status, 'failed')))
    .returning()
    .all()
  if (!event) throw conflict('Only an event that has failed can be tried again.')
  audit(tx, nowMs, { actor, action: 'event.retried', subject: eventId })
}
