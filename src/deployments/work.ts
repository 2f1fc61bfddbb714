import type { Reader } from '../db/open'
import { noWayBackFrom, oneWay, passedReleases } from '../releases/lineage'
import { getRelease, type ReleaseRow } from '../releases/release'
import type { RunFacts, StepContext } from '../runs/recipe'
import { getRun } from '../runs/run'
import { getTenant } from '../tenants/tenant'

/** What a run of the recipe `deploy` is given. */
export type DeployWork = {
  /** Null when the release is known by its tag only: one that a tenant had before releases were resolved. */
  releaseId: string | null
  release: string
  formerReleaseId: string | null
  formerRelease: string
  /** `back`: to a release that the tenant had before; the data is not migrated. */
  way: 'forward' | 'back'
  rolloutId?: string
  /** Whether nobody asked for it but the sweep that brings tenants up to date. */
  isCatchUp?: boolean
}

/** The input of a run of the recipe `deploy`. */
export const workOf = ({ run }: Pick<StepContext, 'run'>) => run.input as DeployWork

/** Why a run can't be taken back once its deploy has begun, and what to do instead; null when it can. */
export function noReturnOf(db: Reader, work: DeployWork): string | null {
  const barrier = oneWay(passedBy(db, work))
  return barrier ? noWayBackFrom(barrier) : null
}

/** The same of a run that may have stopped before its server had changed anything: then it can be taken back. */
export function noReturnOfRun(db: Reader, run: RunFacts): string | null {
  const { noReturnReleaseId } = getTenant(db, run.tenantId)
  const hasStopped = getRun(db, run.id).status === 'failed'
  return hasStopped && noReturnReleaseId === null ? null : noReturnOf(db, run.input as DeployWork)
}

/** The releases whose migrations a run takes its tenant through. */
export function passedBy(db: Reader, { releaseId, formerReleaseId, way }: DeployWork): ReleaseRow[] {
  if (way === 'back' || !releaseId) return []
  return passedReleases(db, formerReleaseId, getRelease(db, releaseId))
}
