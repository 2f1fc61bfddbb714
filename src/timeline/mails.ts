import { and, desc, eq } from 'drizzle-orm'
import { outbox } from '../db/schema'
import { behind, entry, inWords, type Severity, type Source } from './entry'

type Status = (typeof outbox.$inferSelect)['status']

/** Every mail about a subject, where it stands now, at the moment it was written. */
export const readMails: Source = (db, subject, from, limit) =>
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
    .where(and(eq(outbox.subject, subject), behind(outbox.createdAt, outbox.id, from)))
    .orderBy(desc(outbox.createdAt), desc(outbox.id))
    .limit(limit)
    .all()
    .map(({ id, kind, recipient, status, reason, createdAt }) =>
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
