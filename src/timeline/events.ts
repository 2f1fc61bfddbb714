import { and, desc, eq } from 'drizzle-orm'
import { inbox } from '../db/schema'
import { entry, inWords, type Severity } from './entry'
import { behind, LIMIT, SUBJECT, sourceOf } from './source'

/** What came in about an organization or a signup. */
export const readEvents = sourceOf(
  (db) =>
    db
      .select()
      .from(inbox)
      .where(and(eq(inbox.subject, SUBJECT), behind(inbox.receivedAt, inbox.eventId)))
      .orderBy(desc(inbox.receivedAt), desc(inbox.eventId))
      .limit(LIMIT)
      .prepare(),
  (row) =>
    entry('event', {
      id: row.eventId,
      at: row.receivedAt,
      title: `Stripe says: ${inWords(row.type).toLowerCase()}`,
      detail: [row.objectId, STATES[row.status], row.reason].filter(Boolean).join('. ') || null,
      severity: row.status === 'failed' ? 'bad' : severityOf(row.type),
    }),
)

const STATES: Record<(typeof inbox.$inferSelect)['status'], string | null> = {
  received: 'It waits to be acted on',
  processed: null,
  ignored: 'Atlas has nothing to do with it',
  failed: 'It could not be acted on',
}

function severityOf(type: string): Severity {
  if (/failed|deleted|dispute/.test(type)) return 'warning'
  return /paid|succeeded|completed/.test(type) ? 'good' : 'info'
}
