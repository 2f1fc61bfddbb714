import { and, desc, eq, ne } from 'drizzle-orm'
import { providerName } from '../../views/admin/effects'
import { effects } from '../db/schema'
import { behind, entry, factsInWords, inWords, type Severity, type Source } from './entry'

type Outcome = (typeof effects.$inferSelect)['outcome']

/** Every call that changed, or may have changed, the outside; mails have entries of their own. */
export const readEffects: Source = (db, subject, from, limit) =>
  db
    .select()
    .from(effects)
    .where(
      and(
        eq(effects.subject, subject),
        ne(effects.provider, 'resend'),
        behind(effects.requestedAt, effects.id, from),
      ),
    )
    .orderBy(desc(effects.requestedAt), desc(effects.id))
    .limit(limit)
    .all()
    .map((row) =>
      entry('effect', {
        id: row.id,
        at: row.requestedAt,
        title: `${providerName(row.provider)}: ${inWords(row.verb).toLowerCase()}${ENDS[row.outcome]}`,
        detail: [factsInWords(row.summary), row.externalId && `id ${row.externalId}`, row.error]
          .filter(Boolean)
          .join('. '),
        link: row.runId && `/admin/runs/${row.runId}#effect-${row.id}`,
        severity: SEVERITIES[row.outcome],
      }),
    )

const ENDS: Record<Outcome, string> = {
  intended: ' (asked, not answered yet)',
  done: '',
  refused: ' (refused)',
  unknown: ' (outcome unknown)',
}

const SEVERITIES: Record<Outcome, Severity> = {
  intended: 'info',
  done: 'info',
  refused: 'bad',
  unknown: 'warning',
}
