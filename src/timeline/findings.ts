import { and, desc, eq, isNotNull, sql } from 'drizzle-orm'
import { findings } from '../db/schema'
import { type FindingRow, readFinding } from '../reconcile/findings'
import { describe } from '../reconcile/words'
import { behind, entry, type Source } from './entry'

const SEEN = ':seen'
const RESOLVED = ':resolved'

/** Where the clouds and our rows were first seen to differ. */
export const readFindings: Source = (db, tenantId, from, limit) =>
  db
    .select()
    .from(findings)
    .where(
      and(
        eq(findings.tenantId, tenantId),
        behind(findings.firstSeenAt, sql`${findings.id} || ${SEEN}`, from),
      ),
    )
    .orderBy(desc(findings.firstSeenAt), desc(findings.id))
    .limit(limit)
    .all()
    .map((row) =>
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
export const readResolutions: Source = (db, tenantId, from, limit) =>
  db
    .select()
    .from(findings)
    .where(
      and(
        eq(findings.tenantId, tenantId),
        isNotNull(findings.resolvedAt),
        behind(findings.resolvedAt, sql`${findings.id} || ${RESOLVED}`, from),
      ),
    )
    .orderBy(desc(findings.resolvedAt), desc(findings.id))
    .limit(limit)
    .all()
    .map((row) =>
      entry('finding', {
        id: row.id + RESOLVED,
        at: row.resolvedAt ?? row.firstSeenAt,
        title: `Drift settled: ${titleOf(row)}`,
        severity: 'good',
      }),
    )

function titleOf(row: FindingRow): string {
  const { kind, facts, remedy } = readFinding(row)
  return describe(kind, facts, remedy).title
}
