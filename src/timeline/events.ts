import { and, desc, eq } from 'drizzle-orm'
import { inbox } from '../db/schema'
import { behind, entry, inWords, type Severity, type Source } from './entry'

/** What came in about an organization or a signup. */
export const readEvents: Source = (db, subject, from, limit) =>
  db
    .select()
    .from(inbox)
    .where(and(eq(inbox.subject, subject), behind(inbox.receivedAt, inbox.eventId, from)))
    .orderBy(desc(inbox.receivedAt), desc(inbox.eventId))
    .limit(limit)
    .all()
    .map((row) =>
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
