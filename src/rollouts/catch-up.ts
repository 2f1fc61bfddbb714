import { and, count, eq, gt, inArray, isNotNull, isNull, ne, or, sql } from 'drizzle-orm'
import { ATLAS, audit } from '../audit'
import type { Reader, Tx } from '../db/open'
import { prepared } from '../db/prepared'
import { effects, healthChecks, releases, rollouts, rolloutTargets, runs, tenants } from '../db/schema'
import { deployTenant, queueDeploy, workFor } from '../deployments/deploy'
import { STEPS, WAS_HEARD } from '../deployments/failure'
import { asAtlasError } from '../errors'
import { wayTo } from '../releases/lineage'
import { getRelease } from '../releases/release'
import type { Services } from '../services'
import { requireReady } from '../tenants/readiness'
import { getTenant } from '../tenants/tenant'

/** How many tenants are brought up to date at the same time. */
const AT_ONCE_MAX = 5
/** After so many failures of one release within a day nobody else is brought to it without a person. */
const FAILURES_MAX = 2
const DAY_MS = 86_400_000
/** How often a server is tried again that answers visitors but not Atlas. */
const REACH_EVERY_MS = 3_600_000

/** A tenant, and the release that it is to have; without an id all that is known of that one is its tag. */
type Late = { id: string; wantedId: string | null; wanted: string }

/**
 * Brings tenants up to date that could not take part in a rollout and are well now: suspended ones that were resumed,
 * unreachable ones that answer again, new ones. Whoever the release has failed for already waits for a person.
 */
export function catchUp(services: Services): void {
  const { db, clock, log } = services
  const nowMs = clock.now()
  const isDoubtful = remembered((wanted: Late) => hasFailedForMany(db.read, wanted, nowMs))
  let free = AT_ONCE_MAX - (atWork(db.read).get()?.n ?? 0)
  for (const late of [...behind(db.read).all(), ...leftBehind(db.read).all()]) {
    if (free <= 0) return
    if (isDoubtful(late) || hasFailedFor(db.read, late, nowMs)) continue
    try {
      db.write((tx) => bring(tx, services, late, nowMs))
      free--
    } catch (thrown) {
      const { code, message } = asAtlasError(thrown)
      if (code !== 'conflict') throw thrown
      log.info('a tenant is not brought up to date', { tenant: late.id, why: message })
    }
  }
}

function bring(tx: Tx, services: Services, { id, wantedId, wanted }: Late, nowMs: number): void {
  const tenant = getTenant(tx, id)
  if (wantedId !== null) {
    const way = wayTo(tx, getRelease(tx, wantedId), tenant.releaseId)
    const asked = { releaseId: wantedId, way, isCatchUp: true }
    deployTenant(tx, services, id, { ...asked, actor: ATLAS, nowMs })
    return
  }
  requireReady(tx, tenant, ['active'], 'brought back to its former release')
  const work = workFor(tenant, { releaseId: null, release: wanted, way: 'back' })
  const run = queueDeploy(tx, services, id, { ...work, isCatchUp: true }, nowMs)
  const detail = { run, release: wanted, from: tenant.release, way: 'back' }
  audit(tx, nowMs, { actor: ATLAS, action: 'tenant.deploy_asked', subject: id, detail })
}

const IS_HELD = sql`${tenants.blueprint} IN (SELECT blueprint FROM ${rollouts}
  WHERE status IN ('running', 'held', 'going_back', 'frozen'))`
const HAS_RUN = sql`EXISTS (SELECT 1 FROM ${runs} WHERE tenant_id = ${tenants.id}
  AND status IN ('queued', 'running', 'waiting'))`
/** Active and idle, while no rollout holds their fleet. The plus: nearly all are active, which is nothing to begin with. */
const IS_FREE = sql`+${tenants.status} = 'active' AND NOT ${IS_HELD} AND NOT ${HAS_RUN}`
const IS_WELL = sql`${healthChecks.tenantId} = ${tenants.id} AND +${healthChecks.state} = 'healthy'`

/** Tenants that are well and free, and run another release than they should. */
const behind = prepared((db) => {
  const isBehind = or(isNull(tenants.releaseId), ne(tenants.releaseId, tenants.wantedReleaseId))
  return db
    .select({ id: tenants.id, wantedId: tenants.wantedReleaseId, wanted: releases.tag })
    .from(tenants)
    .innerJoin(releases, eq(releases.id, tenants.wantedReleaseId))
    .innerJoin(healthChecks, IS_WELL)
    .where(and(isNotNull(tenants.wantedReleaseId), isBehind, IS_FREE))
    .prepare()
})

/** Those who could not be taken back with the others, to a release that no tenant can want: only its tag is known. */
const leftBehind = prepared((db) => {
  const { formerReleaseId, formerRelease, state } = rolloutTargets
  const takenBack = db.select({ id: rollouts.id }).from(rollouts).where(eq(rollouts.status, 'rolled_back'))
  const wasLeft = and(inArray(rolloutTargets.rolloutId, takenBack), eq(state, 'set_aside'))
  const hasRelease = and(eq(tenants.releaseId, rollouts.releaseId), isNull(tenants.wantedReleaseId))
  return db
    .select({ id: tenants.id, wantedId: formerReleaseId, wanted: formerRelease })
    .from(rolloutTargets)
    .innerJoin(rollouts, eq(rollouts.id, rolloutTargets.rolloutId))
    .innerJoin(tenants, and(eq(tenants.id, rolloutTargets.tenantId), hasRelease))
    .innerJoin(healthChecks, IS_WELL)
    .where(and(wasLeft, isNull(formerReleaseId), IS_FREE))
    .prepare()
})

/** Whether the release has failed for this tenant: trying it again is for a person, unless it never began. */
function hasFailedFor(db: Reader, late: Late, nowMs: number): boolean {
  const isLate = gt(runs.createdAt, nowMs - REACH_EVERY_MS)
  const failed = and(eq(runs.tenantId, late.id), sql`+${runs.status} = 'failed'`, isDeployOf(late))
  const found = db
    .select({ id: runs.id })
    .from(runs)
    .where(and(failed, or(HAS_BEGUN, isLate)))
  return found.limit(1).get() !== undefined
}

/** Whether the release has failed of late for too many that were to catch up. */
function hasFailedForMany(db: Reader, wanted: Late, nowMs: number): boolean {
  const late = and(eq(runs.status, 'failed'), gt(runs.createdAt, nowMs - DAY_MS), HAS_BEGUN)
  const failed = db
    .select({ n: count() })
    .from(runs)
    .where(and(late, isDeployOf(wanted), IS_CATCH_UP))
    .get()
  return (failed?.n ?? 0) >= FAILURES_MAX
}

/** The answer for a release, asked once. */
function remembered(ask: (late: Late) => boolean): (late: Late) => boolean {
  const answers = new Map<string, boolean>()
  return (late) => {
    const key = late.wantedId ?? late.wanted
    const answer = answers.get(key) ?? ask(late)
    answers.set(key, answer)
    return answer
  }
}

const atWork = prepared((db) => {
  const live = and(inArray(runs.status, ['queued', 'running', 'waiting']), IS_DEPLOY)
  return db.select({ n: count() }).from(runs).where(and(live, IS_CATCH_UP)).prepare()
})

/** A server that could not be reached has heard of nothing. */
const HAS_BEGUN = sql`${runs.step} <> ${STEPS.reach} AND (${runs.step} = ${STEPS.backUp}
  OR ${runs.errorCode} <> 'unavailable'
  OR EXISTS (SELECT 1 FROM ${effects} WHERE ${effects.runId} = ${runs.id} AND ${WAS_HEARD}))`
// The plus keeps SQLite from reading all deploys that ever were.
const IS_DEPLOY = sql`+${runs.kind} = 'deploy'`
const IS_CATCH_UP = sql`${runs.input} ->> '$.isCatchUp'`

function isDeployOf({ wantedId, wanted }: Late) {
  const { input } = runs
  const isMeant = sql`${input} ->> '$.releaseId' IS ${wantedId} AND ${input} ->> '$.release' = ${wanted}`
  return and(IS_DEPLOY, isMeant)
}
