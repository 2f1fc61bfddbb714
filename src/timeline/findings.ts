import { and, desc, eq, isNotNull, sql } from 'drizzle-orm'
import { findings } from '../db/schema'
import { KINDS } from '../reconcile/difference'
import { type FindingRow, readFinding } from '../reconcile/findings'
import { describe } from '../reconcile/words'
import { entry, inWords } from './entry'
import { behind, LIMIT, SUBJECT, sourceOf } from './source'

const SEEN = ':seen'
const RESOLVED = ':resolved'

/** Where the clouds and our rows were first seen to differ. */
export const readFindings = sourceOf(
  (db) =>
    db
      .select()
      .from(findings)
      .where(
        and(eq(findings.tenantId, SUBJECT), behind(findings.firstSeenAt, sql`${findings.id} || ${SEEN}`)),
      )
      .orderBy(desc(findings.firstSeenAt), desc(findings.id))
      .limit(LIMIT)
      .prepare(),
  (row) =>
    entry('finding', {
      id: row.id + SEEN,
      at: row.firstSeenAt,
      title: `Drift: ${titleOf(row)}`,
      detail:
        [row.sightings > 1 && `Seen ${row.sightings} times`, row.error].filter(Boolean).join('. ') || null,
      link: '/admin/drift',
      severity: 'warning',
    }),
)

/** When they agreed again, or somebody saw to it. */
export const readResolutions = sourceOf(
  (db) =>
    db
      .select()
      .from(findings)
      .where(
        and(
          eq(findings.tenantId, SUBJECT),
          isNotNull(findings.resolvedAt),
          behind(findings.resolvedAt, sql`${findings.id} || ${RESOLVED}`),
        ),
      )
      .orderBy(desc(findings.resolvedAt), desc(findings.id))
      .limit(LIMIT)
      .prepare(),
  (row) =>
    entry('finding', {
      id: row.id + RESOLVED,
      at: row.resolvedAt ?? row.firstSeenAt,
      title: `Drift settled: ${titleOf(row)}`,
      severity: 'good',
    }),
)

/** A kind that this Atlas knows no more stays a part of the story. */
function titleOf(row: FindingRow): string {
  const { kind, facts, remedy } = readFinding(row)
  return KINDS.includes(kind) ? describe(kind, facts, remedy).title : inWords(kind)
}
