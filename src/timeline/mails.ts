import { and, desc, eq } from 'drizzle-orm'
import { outbox } from '../db/schema'
import { entry, inWords, type Severity } from './entry'
import { behind, LIMIT, SUBJECT, sourceOf } from './source'

type Status = (typeof outbox.$inferSelect)['status']

/** Every mail about a subject, where it stands now, at the moment it was written. */
export const readMails = sourceOf(
  (db) =>
    db
      .select({
        id: outbox.id,
        kind: outbox.kind,
        recipient: outbox.recipient,
        status: outbox.status,
        reason: outbox.reason,
        createdAt: outbox.createdAt,
      })
      .from(outbox)
      .where(and(eq(outbox.subject, SUBJECT), behind(outbox.createdAt, outbox.id)))
      .orderBy(desc(outbox.createdAt), desc(outbox.id))
      .limit(LIMIT)
      .prepare(),
  ({ id, kind, recipient, status, reason, createdAt }) =>
    entry('mail', {
      id,
      at: createdAt,
      title: `Mail to ${recipient}: ${inWords(kind).toLowerCase()}`,
      detail: [STATES[status], reason].filter(Boolean).join('. ') || null,
      severity: SEVERITIES[status],
    }),
)

const STATES: Record<Status, string | null> = {
  queued: 'It waits to be sent',
  sent: null,
  failed: 'It could not be sent',
}

const SEVERITIES: Record<Status, Severity> = { queued: 'info', sent: 'info', failed: 'bad' }
