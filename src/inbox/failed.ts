import { desc, eq, sql } from 'drizzle-orm'
import { type Actor, audit } from '../audit'
import type { Reader, Tx } from '../db/open'
import { prepared } from '../db/prepared'
import { inbox } from '../db/schema'
import { conflict, notFound } from '../errors'

/** Events that could not be acted on, newest first: a payment may be behind each of them. */
export function failedEvents(db: Reader, limit: number) {
  return failed(db).all({ limit })
}

const failed = prepared((db) =>
  db
    .select()
    .from(inbox)
    // A literal, because SQLite uses no partial index for a bound value.
    .where(sql`${inbox.status} = 'failed'`)
    .orderBy(desc(inbox.receivedAt))
    .limit(sql.placeholder('limit'))
    .prepare(),
)

/** Lets a failed event be acted on again. Throws `not_found`, or `conflict` when it has not failed. */
export function retryEvent(tx: Tx, eventId: string, actor: Actor, nowMs: number): void {
  requireFailed(tx, eventId)
  const change = { status: 'received' as const, attempts: 0, availableAt: nowMs, reason: null }
  tx.update(inbox).set(change).where(eq(inbox.eventId, eventId)).run()
  audit(tx, nowMs, { actor, action: 'event.retried', subject: eventId })
}

/** Takes somebody's word that a failed event needs nothing more. Throws as `retryEvent` does. */
export function dismissEvent(tx: Tx, eventId: string, actor: Actor, nowMs: number): void {
  requireFailed(tx, eventId)
  tx.update(inbox).set({ status: 'ignored', processedAt: nowMs }).where(eq(inbox.eventId, eventId)).run()
  audit(tx, nowMs, { actor, action: 'event.dismissed', subject: eventId })
}

function requireFailed(tx: Tx, eventId: string): void {
  const event = tx.select({ status: inbox.status }).from(inbox).where(eq(inbox.eventId, eventId)).get()
  if (!event) throw notFound('There is no such event.')
  if (event.status !== 'failed')
    throw conflict('Only an event that has failed can be tried again or dismissed.')
}
