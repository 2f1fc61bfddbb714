import { and, eq, inArray, sql } from 'drizzle-orm'
import type { Reader, Tx } from '../db/open'
import { inserting, prepared } from '../db/prepared'
import { runs } from '../db/schema'
import { conflict } from '../errors'
import { newId } from '../ids'
import type { Recipe, RunFacts } from './recipe'
import { factsOf, getRun, isCancelled, isLive, pastReturn, type RunRow } from './run'
import { plan, refreshSteps } from './steps'

const insertRun = inserting(runs)

/** Queues a run of a recipe. Throws `conflict` when the tenant has a live run: one at a time. */
export function queueRun(tx: Tx, recipe: Recipe, tenantId: string, input: RunFacts['input'], nowMs: number) {
  refuseSecondLiveRun(tx, tenantId)
  const id = newId('run', nowMs)
  insertRun(tx, {
    id,
    kind: recipe.kind,
    tenantId,
    input: JSON.stringify(input),
    status: 'queued',
    availableAt: nowMs,
    createdAt: nowMs,
  })
  plan(tx, id, recipe.steps)
  return id
}

/** Queues a failed run again, from the step that failed and in the direction it had. Throws `conflict`. */
export function retryRun(tx: Tx, recipe: Recipe, runId: string, nowMs: number): RunRow {
  const run = failedRun(tx, runId)
  requeue(tx, run, { direction: run.direction }, nowMs)
  recipe.retried?.(tx, factsOf(run), nowMs)
  return run
}

/** Queues a failed run to take back what it did, last step first. Throws `conflict`. */
export function undoRun(tx: Tx, recipe: Recipe, runId: string, nowMs: number): RunRow {
  const run = failedRun(tx, runId)
  if (run.direction === 'undo') throw conflict('This run is being undone already. Retry it to go on.')
  refusePastReturn(tx, recipe, run)
  requeue(tx, run, { direction: 'undo' }, nowMs)
  recipe.turned?.(tx, factsOf(run), nowMs)
  return run
}

/** Has a live run turn back before its next step; what it is at right now is finished first. Throws `conflict`. */
export function cancelRun(tx: Tx, recipe: Recipe, runId: string, nowMs: number): RunRow {
  const run = getRun(tx, runId)
  if (!isLive(run)) throw conflict('This run has ended. Only one that is at work can be cancelled.')
  if (run.direction === 'undo') throw conflict('This run is being undone already.')
  refusePastReturn(tx, recipe, run)
  const availableAt = run.status === 'running' ? run.availableAt : nowMs
  tx.update(runs).set({ cancelRequestedAt: nowMs, availableAt }).where(eq(runs.id, runId)).run()
  return run
}

/** Turns a run round when somebody has asked for it; returns whether it did. */
export function turnIfAsked(tx: Tx, recipe: Recipe, run: RunRow, nowMs: number): boolean {
  if (run.direction === 'undo' || !isCancelled(tx, run.id)) return false
  if (pastReturn(tx, recipe, run)) return false
  tx.update(runs)
    .set({ direction: 'undo', attempts: 0, reason: null, cancelRequestedAt: null })
    .where(eq(runs.id, run.id))
    .run()
  refreshSteps(tx, run.id)
  recipe.turned?.(tx, factsOf({ ...run, direction: 'undo' }), nowMs)
  return true
}

const liveRun = prepared((db) => {
  const isOne = inArray(runs.status, ['queued', 'running', 'waiting']).inlineParams()
  const mine = eq(runs.tenantId, sql.placeholder('tenantId'))
  return db.select({ kind: runs.kind }).from(runs).where(and(mine, isOne)).prepare()
})

/** Which live run keeps another one from a tenant, as a sentence; null when none does. */
export function whatHolds(db: Reader, tenantId: string): string | null {
  const live = liveRun(db).get({ tenantId })
  if (!live) return null
  const kind = live.kind.replaceAll('-', ' ')
  return `Something else is being done to this tenant. Wait until its run “${kind}” has ended, or cancel it.`
}

function refuseSecondLiveRun(tx: Tx, tenantId: string): void {
  const why = whatHolds(tx, tenantId)
  if (why) throw conflict(why)
}

function failedRun(tx: Tx, runId: string): RunRow {
  const run = getRun(tx, runId)
  if (run.status !== 'failed') throw conflict('Only a run that has failed can be retried or undone.')
  refuseSecondLiveRun(tx, run.tenantId)
  return run
}

function refusePastReturn(tx: Tx, recipe: Recipe, run: RunRow): void {
  const why = pastReturn(tx, recipe, run)
  if (why) throw conflict(why)
}

function requeue(tx: Tx, run: RunRow, change: Pick<RunRow, 'direction'>, nowMs: number): void {
  tx.update(runs)
    .set({
      ...change,
      status: 'queued',
      attempts: 0,
      availableAt: nowMs,
      reason: null,
      errorCode: null,
      finishedAt: null,
      cancelRequestedAt: null,
    })
    .where(eq(runs.id, run.id))
    .run()
  refreshSteps(tx, run.id)
}
