import { eq } from 'drizzle-orm'
import { type Actor, ATLAS, audit } from '../audit'
import type { Reader, Tx } from '../db/open'
import { tenants } from '../db/schema'
import { type AtlasError, conflict } from '../errors'
import { noWayBackFrom, oneWay, passedReleases } from '../releases/lineage'
import { leaveNoReturn, noReturnFor, passNoReturn } from '../releases/no-return'
import { getRelease, type ReleaseRow } from '../releases/release'
import type { Recipe, RunFacts } from '../runs/recipe'
import { stepsOf } from '../runs/steps'
import { queueRun } from '../runs/verbs'
import type { Services } from '../services'
import { commonEnds } from '../tenants/failure'
import { requireReady } from '../tenants/readiness'
import { getTenant, type TenantRow } from '../tenants/tenant'
import { type Failure, failureOf, STEPS } from './failure'
import { checkOutside } from './outside'
import { backUpBefore, checkServer, deployRelease } from './steps'
import { type DeployWork, noReturnOfRun, passedBy } from './work'

export type DeployAsked = {
  releaseId: string
  /** `back`: to a release that the tenant had before; its data is not migrated. */
  way: DeployWork['way']
  actor: Actor
  nowMs: number
  rolloutId?: string
  isCatchUp?: boolean
}

/** In which a tenant can be brought to another release; a suspended one stays so, and its app is stopped again. */
export const DEPLOYABLE = ['active', 'suspended'] as const

/**
 * Queues a release for one tenant. Throws `conflict` with the reason when the release is of another blueprint, when
 * there is no way back, or when something else is being done to the tenant.
 */
export function deployTenant(
  tx: Tx,
  services: Services,
  tenantId: string,
  { actor, nowMs, ...asked }: DeployAsked,
): { runId: string } {
  const tenant = getTenant(tx, tenantId)
  requireReady(tx, tenant, asked.isCatchUp ? ['active'] : DEPLOYABLE, 'brought to another release')
  const release = getRelease(tx, asked.releaseId)
  if (release.blueprint !== tenant.blueprint) throw conflict('This release is of another blueprint.')
  const { releaseId, way, rolloutId, isCatchUp } = asked
  const barrier = barrierTo(tx, tenant, release)
  if (barrier) throw conflict(barrier)
  const work = { ...workFor(tenant, { releaseId, release: release.tag, way }), rolloutId, isCatchUp }
  const runId = queueDeploy(tx, services, tenantId, work, nowMs)
  const detail = { run: runId, release: release.tag, from: tenant.release, way }
  audit(tx, nowMs, { actor, action: 'tenant.deploy_asked', subject: tenantId, detail })
  return { runId }
}

/** Queues a deploy whose whole input is known. Throws `conflict` when something else is being done to the tenant. */
export function queueDeploy(
  tx: Tx,
  services: Services,
  tenantId: string,
  work: DeployWork,
  nowMs: number,
): string {
  return queueRun(tx, deployRecipe(services), tenantId, work, nowMs)
}

/** The input of a run that brings a tenant from what it has to a release. */
export function workFor(
  { releaseId, release }: Pick<TenantRow, 'releaseId' | 'release'>,
  wanted: Pick<DeployWork, 'releaseId' | 'release' | 'way'>,
): DeployWork {
  return { ...wanted, formerReleaseId: releaseId, formerRelease: release }
}

/** From one release to another; back again by itself when the other one is not well. */
export function deployRecipe(services: Services): Recipe {
  const words = { forward: 'brought to another release', undo: 'brought back to its former release' }
  return {
    ...commonEnds(services, words),
    kind: 'deploy',
    title: 'Deploy',
    steps: [checkServer(services), backUpBefore(services), deployRelease(services), checkOutside(services)],
    pointOfNoReturn: STEPS.deploy,
    noReturn: noReturnOfRun,
    succeeded: settle,
    failed: (tx, run, error, nowMs) => fail(tx, services, run, error, nowMs),
  }
}

/** The tenant has the release: it runs there, and it is the one that it should run. */
function settle(tx: Tx, run: RunFacts, nowMs: number): void {
  const { releaseId, release, formerRelease, way } = run.input as DeployWork
  const change = { release, releaseId, releaseSince: nowMs, wantedReleaseId: releaseId, statusReason: null }
  tx.update(tenants)
    .set({ ...change, updatedAt: nowMs })
    .where(eq(tenants.id, run.tenantId))
    .run()
  const action = way === 'back' ? 'tenant.release_taken_back' : 'tenant.deployed'
  const detail = { run: run.id, release, from: formerRelease }
  leaveNoReturn(tx, run.tenantId)
  audit(tx, nowMs, { actor: ATLAS, action, subject: run.tenantId, detail })
}

/** Whoever is only brought up to date and can't be reached is tried again, and nobody needs to hear of it. */
function fail(tx: Tx, services: Services, run: RunFacts, error: AtlasError, nowMs: number): void {
  const { isCatchUp, formerRelease, release } = run.input as DeployWork
  const failure = failureOf(tx, run, error)
  if (isCatchUp && failure.part === 'reach') {
    noteFailure(tx, run, error, nowMs)
    return
  }
  noteNoReturn(tx, run, failure, nowMs)
  const words = { forward: `brought to release ${release}`, undo: `brought back to release ${formerRelease}` }
  commonEnds(services, words).failed(tx, run, error, nowMs)
}

/** The tenant says why it does not have the release; nobody gets a mail for it. */
export function noteFailure(tx: Tx, run: RunFacts, error: AtlasError, nowMs: number): void {
  const { formerRelease, release, way } = run.input as DeployWork
  const failure = failureOf(tx, run, error)
  const { part, runs } = failure
  noteNoReturn(tx, run, failure, nowMs)
  const statusReason = `Release ${release}: ${error.message}`
  tx.update(tenants).set({ statusReason, updatedAt: nowMs }).where(eq(tenants.id, run.tenantId)).run()
  const detail = { run: run.id, release, from: formerRelease, way, part, runs }
  audit(tx, nowMs, { actor: ATLAS, action: 'tenant.failed', subject: run.tenantId, detail })
}

/** Unless the former release is known to run, it counts as one that can't live with the data any more. */
function noteNoReturn(tx: Tx, run: RunFacts, { runs }: Failure, nowMs: number): void {
  if (runs === 'former' || run.direction === 'undo') return
  const passed = passedBy(tx, run.input as DeployWork).findLast(({ migration }) => migration === 'contract')
  if (!passed) return
  const began = stepsOf(tx, run.id).find(({ name }) => name === STEPS.deploy)?.startedAt
  passNoReturn(tx, run.tenantId, passed, began ?? nowMs)
}

/** Why a tenant can't be brought to a release that is older than what its data went through; null when it can. */
export function barrierTo(
  db: Reader,
  tenant: Pick<TenantRow, 'id' | 'releaseId' | 'noReturnReleaseId' | 'noReturnSince'>,
  wanted: ReleaseRow,
): string | null {
  const stopped = noReturnFor(db, tenant)?.release
  if (stopped && wanted.createdAt < stopped.createdAt) return noWayBackFrom(stopped)
  const current = tenant.releaseId ? getRelease(db, tenant.releaseId) : null
  if (!current || wanted.id === current.id || wanted.createdAt > current.createdAt) return null
  const barrier = oneWay(passedReleases(db, wanted.id, current))
  return barrier ? noWayBackFrom(barrier) : null
}
