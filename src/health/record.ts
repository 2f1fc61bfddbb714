import { and, eq, isNull, sql } from 'drizzle-orm'
import type { Tx } from '../db/open'
import { healthChecks, incidents } from '../db/schema'
import { newId } from '../ids'
import type { Services } from '../services'
import { type IncidentRow, tellDown, tellOutagesOver, tellUp } from './alarm'
import { type HealthRow, judge, turnAfter } from './check'
import { isJudgeable } from './due'
import type { Asked } from './sweep'

/** An answer together with the row that it makes; null when the tenant is not to be asked any more. */
type Recorded = Asked & { after: HealthRow | null }

/**
 * Stores the answers of a sweep: what stays as it was in one quiet commit, what turned in another, together with its
 * incidents and mails.
 */
export function record(services: Services, answered: Asked[]): void {
  const { db, clock } = services
  const nowMs = clock.now()
  const recorded = answered.map((asked) => ({ ...asked, after: rowAfter(asked, nowMs) }))
  const { steady = [], turned = [] } = Object.groupBy(recorded, ({ row, after }) =>
    row.state === after?.state ? 'steady' : 'turned',
  )
  if (steady.length > 0) db.writeQuietly((tx) => store(tx, steady))
  if (turned.length > 0) db.write((tx) => storeTurns(tx, services, turned, nowMs))
}

function rowAfter({ row, tenant, verdict }: Asked, nowMs: number): HealthRow | null {
  if (verdict) return judge(row, verdict, nowMs)
  return tenant.status === 'active' ? { ...row, dueAt: turnAfter(row, nowMs) } : null
}

function storeTurns(tx: Tx, services: Services, turned: Recorded[], nowMs: number): void {
  const fair = turned.map((one) => (isFair(tx, one) ? one : { ...one, after: onlyMovedOn(one, nowMs) }))
  // All rows first: how many fail together decides how it is told.
  store(tx, fair)
  for (const { row, after } of fair) {
    if (after?.state === 'unhealthy' && row.state !== 'unhealthy') begin(tx, services, after, nowMs)
  }
  const well = fair.filter(({ row, after }) => row.state === 'unhealthy' && after?.state === 'healthy')
  tellUp(tx, services, end(tx, well, nowMs), nowMs)
  const gone = fair.filter(({ after }) => after === null)
  for (const { row } of gone) tx.delete(healthChecks).where(eq(healthChecks.tenantId, row.tenantId)).run()
  // Nobody is told that what was suspended or deleted is well again.
  tellOutagesOver(tx, services, end(tx, gone, nowMs), nowMs)
}

/** A bad answer counts only when nothing was done to the tenant meanwhile. */
function isFair(tx: Tx, { row, askedAt, after }: Recorded): boolean {
  return after === null || after.failures === 0 || isJudgeable(tx, row.tenantId, askedAt)
}

const onlyMovedOn = ({ row }: Recorded, nowMs: number) => ({ ...row, dueAt: turnAfter(row, nowMs) })

function begin(tx: Tx, services: Services, row: HealthRow, nowMs: number): void {
  const reason = row.reason ?? 'It gave no good answer.'
  const incident = tx
    .insert(incidents)
    .values({ id: newId('inc', nowMs), tenantId: row.tenantId, reason, startedAt: nowMs })
    .returning()
    .get()
  tellDown(tx, services, incident, row, nowMs)
}

function end(tx: Tx, over: Recorded[], nowMs: number): IncidentRow[] {
  return over.flatMap(({ row }) =>
    tx
      .update(incidents)
      .set({ endedAt: nowMs })
      .where(and(eq(incidents.tenantId, row.tenantId), isNull(incidents.endedAt)))
      .returning()
      .all(),
  )
}

function store(tx: Tx, recorded: Recorded[]): void {
  const update = tx
    .update(healthChecks)
    .set({
      state: placeholder('state'),
      failures: placeholder('failures'),
      status: placeholder('status'),
      reason: placeholder('reason'),
      tookMs: placeholder('tookMs'),
      dueAt: placeholder('dueAt'),
      checkedAt: placeholder('checkedAt'),
      changedAt: placeholder('changedAt'),
    })
    .where(eq(healthChecks.tenantId, sql.placeholder('tenantId')))
    .prepare()
  for (const { after } of recorded) if (after) update.run(after)
}

/** A value that comes later: the same statement is run for each row. */
const placeholder = (name: keyof HealthRow) => sql`${sql.placeholder(name)}`
