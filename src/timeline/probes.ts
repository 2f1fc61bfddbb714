import { and, desc, eq, isNotNull, sql } from 'drizzle-orm'
import { durationWords } from '../../views/components/time'
import { healthChecks, incidents } from '../db/schema'
import { entry, isNewer, type Source } from './entry'
import { behind, LIMIT, SUBJECT, sourceOf } from './source'

const BEGUN = ':begun'
const ENDED = ':ended'
const NOW = ':now'

/** When a tenant went down. */
export const readIncidents = sourceOf(
  (db) =>
    db
      .select()
      .from(incidents)
      .where(
        and(eq(incidents.tenantId, SUBJECT), behind(incidents.startedAt, sql`${incidents.id} || ${BEGUN}`)),
      )
      .orderBy(desc(incidents.startedAt), desc(incidents.id))
      .limit(LIMIT)
      .prepare(),
  ({ id, startedAt, reason, outage }) =>
    entry('probe', {
      id: id + BEGUN,
      at: startedAt,
      title: 'Down: two health checks in a row failed',
      detail: outage ? `${reason} Many others went down with it` : reason,
      severity: 'bad',
    }),
)

/** When it answered again, or was asked no more. */
export const readRecoveries = sourceOf(
  (db) =>
    db
      .select()
      .from(incidents)
      .where(
        and(
          eq(incidents.tenantId, SUBJECT),
          isNotNull(incidents.endedAt),
          behind(incidents.endedAt, sql`${incidents.id} || ${ENDED}`),
        ),
      )
      .orderBy(desc(incidents.endedAt), desc(incidents.id))
      .limit(LIMIT)
      .prepare(),
  ({ id, startedAt, endedAt }) =>
    entry('probe', {
      id: id + ENDED,
      at: endedAt ?? startedAt,
      title: 'No longer down',
      detail: `After ${durationWords((endedAt ?? startedAt) - startedAt)}`,
      severity: 'good',
    }),
)

/** Since when the checks have said what they say now; what incidents tell already is left out. */
export const readState: Source = (db, tenantId, from) => {
  const row = db.select().from(healthChecks).where(eq(healthChecks.tenantId, tenantId)).get()
  if (!row?.changedAt || row.state === 'unhealthy') return []
  const wasDown = and(eq(incidents.tenantId, tenantId), eq(incidents.endedAt, row.changedAt))
  if (db.select({ id: incidents.id }).from(incidents).where(wasDown).get()) return []
  const isWell = row.state === 'healthy'
  const now = entry('probe', {
    id: tenantId + NOW,
    at: row.changedAt,
    title: isWell ? 'The health check is good' : 'One health check failed',
    detail: row.reason,
    severity: isWell ? 'good' : 'warning',
  })
  return isNewer(from, now) ? [now] : []
}
