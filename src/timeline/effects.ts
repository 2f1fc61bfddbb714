import { and, desc, eq, ne } from 'drizzle-orm'
import { providerName } from '../../views/admin/effects'
import { effects } from '../db/schema'
import { entry, factsInWords, inWords, type Severity } from './entry'
import { behind, LIMIT, SUBJECT, sourceOf } from './source'

type Outcome = (typeof effects.$inferSelect)['outcome']

/** Every call that changed, or may have changed, the outside; mails have entries of their own. */
export const readEffects = sourceOf(
  (db) =>
    db
      .select()
      .from(effects)
      .where(
        and(
          eq(effects.subject, SUBJECT),
          ne(effects.provider, 'resend'),
          behind(effects.requestedAt, effects.id),
        ),
      )
      .orderBy(desc(effects.requestedAt), desc(effects.id))
      .limit(LIMIT)
      .prepare(),
  (row) =>
    entry('effect', {
      id: row.id,
      at: row.requestedAt,
      title: `${providerName(row.provider)}: ${inWords(row.verb).toLowerCase()}${ENDS[row.outcome]}`,
      detail:
        [factsInWords(row.summary), row.externalId && `id ${row.externalId}`, row.error]
          .filter(Boolean)
          .join('. ') || null,
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
