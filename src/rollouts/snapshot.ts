import { and, asc, count, eq, gte, inArray, isNull, or, type SQL, sql } from 'drizzle-orm'
import type { Reader } from '../db/open'
import { healthChecks, rolloutTargets, runs, tenants } from '../db/schema'
import type { Snapshot, Waiting } from './decide'
import { absenceOf, isBusy, obstacleOf, TENANT_FACTS } from './facts'
import { type RolloutRow, strategyOf } from './rollout'
import type { TargetRow } from './targets'

/** More than these that are busy do not keep those behind them waiting. */
const BUSY_MAX = 50

/** What is known of a live rollout. */
export function readSnapshot(db: Reader, rollout: RolloutRow): Snapshot {
  const { id, status, wave, waveDoneAt } = rollout
  const { stopAt, waveCount, concurrency, bakeMinutes, canGoBack } = strategyOf(rollout)
  const counts = countsOf(db, id)
  const many = (isMeant: (one: Counted) => boolean) =>
    counts.filter(isMeant).reduce((sum, { n }) => sum + n, 0)
  const shown = concurrency + BUSY_MAX
  return {
    status: status as Snapshot['status'],
    canGoBack,
    stopAt,
    concurrency,
    bakeMs: bakeMinutes * 60_000,
    wave,
    waves: waveCount,
    waveDoneAt,
    deploying: many(({ state }) => state === 'deploying'),
    goingBack: goingBack(db, id),
    worked: many(({ state, failedPart }) => failedPart === null && WORKED.includes(state)),
    failed: many(({ failedPart }) => failedPart !== null),
    stuck: many(({ state }) => state === 'stuck'),
    workedInWave: many((one) => one.state === 'succeeded' && one.wave === wave),
    unseenInWave: waveDoneAt === null ? 0 : unseenIn(db, id, wave),
    waiting: waitingIn(db, rollout, shown),
    returning: returningIn(db, rollout, shown),
    sick: status === 'running' ? sickIn(db, id) : [],
  }
}

/** The states of those that had the release and were well with it. */
const WORKED: readonly string[] = ['succeeded', 'going_back', 'back']

type Counted = Pick<TargetRow, 'state' | 'wave' | 'failedPart'> & { n: number }

function countsOf(db: Reader, rolloutId: string): Counted[] {
  const { state, wave, failedPart } = rolloutTargets
  return db
    .select({ state, wave, failedPart, n: count() })
    .from(rolloutTargets)
    .where(eq(rolloutTargets.rolloutId, rolloutId))
    .groupBy(state, wave, failedPart)
    .all()
}

const RUN_IS_LIVE = inArray(runs.status, ['queued', 'running', 'waiting'])

function goingBack(db: Reader, rolloutId: string): number {
  const returning = db
    .select({ n: count() })
    .from(rolloutTargets)
    .innerJoin(runs, and(eq(runs.id, rolloutTargets.runId), RUN_IS_LIVE))
    .where(and(eq(rolloutTargets.rolloutId, rolloutId), eq(rolloutTargets.state, 'going_back')))
    .get()
  return returning?.n ?? 0
}

function waitingIn(db: Reader, { id, wave }: RolloutRow, limit: number): Waiting[] {
  const isMeant = and(eq(rolloutTargets.state, 'waiting'), eq(rolloutTargets.wave, wave))
  return next(db, id, isMeant, limit).map(({ tenantId, ...facts }) => ({
    tenantId,
    isBusy: isBusy(facts),
    obstacle: obstacleOf(facts),
  }))
}

/** Lost ones, and when it turned back all that have the release, as far as no run is at work on them. */
function returningIn(db: Reader, { id, status, releaseId }: RolloutRow, limit: number): Waiting[] {
  const isIdle = or(isNull(runs.id), sql`NOT ${RUN_IS_LIVE}`)
  const isLost = and(eq(rolloutTargets.state, 'going_back'), isIdle)
  const lost = next(db, id, isLost, limit)
  const having = status === 'going_back' ? next(db, id, eq(rolloutTargets.state, 'succeeded'), limit) : []
  return [...lost, ...having].slice(0, limit).map((one) => {
    const hasOther = one.state === 'succeeded' && one.releaseId !== releaseId
    const obstacle = hasOther ? 'It runs another release by now.' : absenceOf(one)
    return { tenantId: one.tenantId, isBusy: one.isHeld === 1, obstacle }
  })
}

function next(db: Reader, rolloutId: string, isMeant: SQL | undefined, limit: number) {
  return db
    .select({
      tenantId: tenants.id,
      releaseId: tenants.releaseId,
      state: rolloutTargets.state,
      ...TENANT_FACTS,
    })
    .from(rolloutTargets)
    .innerJoin(tenants, eq(tenants.id, rolloutTargets.tenantId))
    .leftJoin(runs, eq(runs.id, rolloutTargets.runId))
    .where(and(eq(rolloutTargets.rolloutId, rolloutId), isMeant))
    .orderBy(asc(rolloutTargets.position))
    .limit(limit)
    .all()
}

/** Those of a wave whose health has not been looked at since, or that did not answer once. */
function unseenIn(db: Reader, rolloutId: string, wave: number): number {
  const isOfWave = and(
    eq(rolloutTargets.rolloutId, rolloutId),
    eq(rolloutTargets.state, 'succeeded'),
    eq(rolloutTargets.wave, wave),
  )
  const isUnseen = sql`(${healthChecks.state} IN ('unknown', 'failing')
    OR coalesce(${healthChecks.checkedAt}, 0) < ${rolloutTargets.updatedAt})`
  const unseen = db
    .select({ n: count() })
    .from(rolloutTargets)
    .innerJoin(tenants, and(eq(tenants.id, rolloutTargets.tenantId), eq(tenants.status, 'active')))
    .innerJoin(healthChecks, eq(healthChecks.tenantId, rolloutTargets.tenantId))
    .where(and(isOfWave, isUnseen))
    .get()
  return unseen?.n ?? 0
}

/** Those that are down and were not when they got the release. */
function sickIn(db: Reader, rolloutId: string): Snapshot['sick'] {
  const isDown = eq(healthChecks.state, 'unhealthy')
  const down = db.select({ id: healthChecks.tenantId }).from(healthChecks).where(isDown)
  return db
    .select({ tenantId: rolloutTargets.tenantId, reason: healthChecks.reason })
    .from(rolloutTargets)
    .innerJoin(healthChecks, and(eq(healthChecks.tenantId, rolloutTargets.tenantId), isDown))
    .where(
      and(
        eq(rolloutTargets.rolloutId, rolloutId),
        // So that it looks at those that are down first, who are few.
        inArray(rolloutTargets.tenantId, down),
        sql`+${rolloutTargets.state} = 'succeeded'`,
        gte(healthChecks.changedAt, rolloutTargets.updatedAt),
      ),
    )
    .all()
    .map(({ tenantId, reason }) => ({ tenantId, reason: reason ?? 'Its app does not answer.' }))
}
