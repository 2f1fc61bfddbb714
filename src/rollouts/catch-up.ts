import { and, count, eq, gt, inArray, isNotNull, isNull, ne, or, sql } from 'drizzle-orm'
import { ATLAS } from '../audit'
import type { Reader } from '../db/open'
import { healthChecks, rollouts, runs, tenants } from '../db/schema'
import { asAtlasError } from '../errors'
import { deployTenant } from '../releases/deploy'
import { STEPS } from '../releases/failure'
import { wayTo } from '../releases/lineage'
import type { Services } from '../services'
import { LIVE } from './rollout'

/** How many tenants are brought up to date at the same time. */
const AT_ONCE_MAX = 5
/** After so many failures of one release within a day nobody else is brought to it without a person. */
const FAILURES_MAX = 2
const DAY_MS = 86_400_000
/** How often a server is tried again that answers visitors but not Atlas. */
const REACH_EVERY_MS = 3_600_000

/**
 * Brings tenants up to date that could not take part in a rollout and are well now: suspended ones that were resumed,
 * unreachable ones that answer again, new ones. Whoever the release has failed for already waits for a person.
 */
export function catchUp(services: Services): void {
  const { db, clock, log } = services
  const nowMs = clock.now()
  let free = AT_ONCE_MAX - atWork(db.read)
  for (const { id, releaseId, wantedReleaseId } of behind(db.read)) {
    if (free <= 0) return
    if (!wantedReleaseId || isDoubtful(db.read, wantedReleaseId, nowMs)) continue
    if (hasFailedFor(db.read, id, wantedReleaseId, nowMs)) continue
    try {
      const way = wayTo(db.read, wantedReleaseId, releaseId)
      const asked = { releaseId: wantedReleaseId, way, actor: ATLAS, nowMs, isCatchUp: true }
      db.write((tx) => deployTenant(tx, services, id, asked))
      free--
    } catch (thrown) {
      const { code, message } = asAtlasError(thrown)
      if (code !== 'conflict') throw thrown
      log.info('a tenant is not brought up to date', { tenant: id, why: message })
    }
  }
}

/** Tenants that are well, idle, and run another release than they should, while no rollout holds their fleet. */
function behind(db: Reader) {
  const held = db
    .select({ blueprint: rollouts.blueprint })
    .from(rollouts)
    .where(inArray(rollouts.status, [...LIVE]))
  return db
    .select({ id: tenants.id, releaseId: tenants.releaseId, wantedReleaseId: tenants.wantedReleaseId })
    .from(tenants)
    .innerJoin(healthChecks, and(eq(healthChecks.tenantId, tenants.id), eq(healthChecks.state, 'healthy')))
    .where(
      and(
        isNotNull(tenants.wantedReleaseId),
        or(isNull(tenants.releaseId), ne(tenants.releaseId, tenants.wantedReleaseId)),
        eq(tenants.status, 'active'),
        sql`${tenants.blueprint} NOT IN ${held}`,
        sql`NOT EXISTS (SELECT 1 FROM ${runs} WHERE tenant_id = ${tenants.id}
          AND status IN ('queued', 'running', 'waiting'))`,
      ),
    )
    .all()
}

/** Whether the release has failed for this tenant: trying it again is for a person, unless it never began. */
function hasFailedFor(db: Reader, tenantId: string, releaseId: string, nowMs: number): boolean {
  const isLate = gt(runs.createdAt, nowMs - REACH_EVERY_MS)
  const failed = and(eq(runs.tenantId, tenantId), eq(runs.status, 'failed'), isDeployOf(releaseId))
  const found = db
    .select({ id: runs.id })
    .from(runs)
    .where(and(failed, or(HAS_BEGUN, isLate)))
  return found.limit(1).get() !== undefined
}

/** Whether the release has failed of late for too many that were to catch up. */
function isDoubtful(db: Reader, releaseId: string, nowMs: number): boolean {
  const late = and(eq(runs.status, 'failed'), gt(runs.createdAt, nowMs - DAY_MS), HAS_BEGUN)
  const failed = db
    .select({ n: count() })
    .from(runs)
    .where(and(late, isDeployOf(releaseId), IS_CATCH_UP))
    .get()
  return (failed?.n ?? 0) >= FAILURES_MAX
}

function atWork(db: Reader): number {
  const live = and(inArray(runs.status, ['queued', 'running', 'waiting']), eq(runs.kind, 'deploy'))
  return db.select({ n: count() }).from(runs).where(and(live, IS_CATCH_UP)).get()?.n ?? 0
}

const HAS_BEGUN = ne(runs.step, STEPS.reach)
const IS_CATCH_UP = sql`${runs.input} ->> '$.isCatchUp'`

function isDeployOf(releaseId: string) {
  return and(eq(runs.kind, 'deploy'), sql`${runs.input} ->> '$.releaseId' = ${releaseId}`)
}
