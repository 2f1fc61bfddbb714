import { and, eq, inArray, isNotNull, or } from 'drizzle-orm'
import type { Tx } from '../db/open'
import { rollouts, rolloutTargets } from '../db/schema'
import type { Failure } from '../deployments/failure'
import type { DeployWork } from '../deployments/work'
import { askSoon } from '../health/due'
import type { RunFacts } from '../runs/recipe'
import { getRollout, strategyOf } from './rollout'

export type TargetRow = typeof rolloutTargets.$inferSelect
export type TargetState = TargetRow['state']

/** Of a target: that it failed, also when it was taken back since. */
export const IS_FAILURE = or(isNotNull(rolloutTargets.failedPart), eq(rolloutTargets.state, 'stuck'))

/** When the health of a tenant is looked at that just got a release. */
const FIRST_LOOK_MS = 60_000

/** What becomes of a rollout's target with the end of its run, in the transaction that ends the run. */
export const targetEnds = {
  succeeded(tx: Tx, run: RunFacts, nowMs: number): void {
    change(tx, run, { state: workOf(run).way === 'back' ? 'back' : 'succeeded', reason: null }, nowMs)
    askSoon(tx, run.tenantId, nowMs + FIRST_LOOK_MS)
  },

  failed(tx: Tx, run: RunFacts, failure: Failure & { reason: string }, nowMs: number): void {
    change(tx, run, afterFailure(tx, run, failure), nowMs)
  },

  /** At work again, because somebody has retried it or takes it back. */
  begun(tx: Tx, run: RunFacts, nowMs: number): void {
    const isGoingBack = run.direction === 'undo' || workOf(run).way === 'back'
    change(tx, run, { state: isGoingBack ? 'going_back' : 'deploying' }, nowMs)
  },

  /** By hand: what had failed is back, and what had not stays as it was. */
  undone(tx: Tx, run: RunFacts, nowMs: number): void {
    const target = targetOf(tx, run)
    const state = target?.failedPart ? 'back' : workOf(run).way === 'back' ? 'succeeded' : 'skipped'
    change(tx, run, { state, reason: 'Taken back by hand.' }, nowMs)
  },
}

/** Has a live rollout decided anew how it goes on. */
export function wake(tx: Tx, rolloutId: string, nowMs: number): void {
  const isAtWork = and(eq(rollouts.id, rolloutId), inArray(rollouts.status, ['running', 'going_back']))
  tx.update(rollouts).set({ dueAt: nowMs }).where(isAtWork).run()
}

type Ended = Pick<TargetRow, 'state'> & Partial<TargetRow>

function afterFailure(tx: Tx, run: RunFacts, { part, runs, reason }: Failure & { reason: string }): Ended {
  const target = targetOf(tx, run)
  if (run.direction === 'undo' || workOf(run).way === 'back') {
    // One that was well with the release and can't be reached now is left as it is, and taken back when it returns.
    const isLeft = part === 'reach' && target?.failedPart === null
    return isLeft
      ? { state: 'set_aside', reason }
      : { state: 'stuck', failedPart: target?.failedPart ?? part, reason }
  }
  if (part === 'reach') return { state: 'set_aside', reason }
  if (runs === 'former') return { state: 'failed', failedPart: part, reason }
  const isRepairable = runs === 'unknown' && canGoBack(tx, run)
  return { state: isRepairable ? 'going_back' : 'stuck', failedPart: part, reason }
}

function canGoBack(tx: Tx, run: RunFacts): boolean {
  const { rolloutId } = workOf(run)
  return rolloutId !== undefined && strategyOf(getRollout(tx, rolloutId)).canGoBack
}

function change(tx: Tx, run: RunFacts, fields: Ended, updatedAt: number): void {
  const { rolloutId } = workOf(run)
  if (!rolloutId) return
  tx.update(rolloutTargets)
    .set({ ...fields, updatedAt })
    .where(isTargetOf(run))
    .run()
  wake(tx, rolloutId, updatedAt)
}

function targetOf(tx: Tx, run: RunFacts): TargetRow | undefined {
  return tx.select().from(rolloutTargets).where(isTargetOf(run)).get()
}

/** A target heeds its latest run only. */
function isTargetOf(run: RunFacts) {
  return and(
    eq(rolloutTargets.rolloutId, workOf(run).rolloutId ?? ''),
    eq(rolloutTargets.tenantId, run.tenantId),
    eq(rolloutTargets.runId, run.id),
  )
}

const workOf = ({ input }: RunFacts) => input as DeployWork
