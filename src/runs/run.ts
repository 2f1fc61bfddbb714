import { and, asc, count, desc, eq, inArray, lte, min, ne, or, sql } from 'drizzle-orm'
import type { Reader, Tx } from '../db/open'
import { inserting, prepared, updating } from '../db/prepared'
import { runLogs, runs } from '../db/schema'
import { conflict, notFound } from '../errors'
import { newId } from '../ids'
import { recoverEffects } from './effects'
import type { Recipe, RunFacts } from './recipe'
import { isPastReturn, plan, refreshSteps, stepsOf } from './steps'

export type RunRow = typeof runs.$inferSelect

const STEP_LOG_LINES_MAX = 500
const LOG_LINE_CHARS_MAX = 2_000

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

const runById = prepared((db) =>
  db
    .select()
    .from(runs)
    .where(eq(runs.id, sql.placeholder('runId')))
    .prepare(),
)

/** A run by its id. Throws `not_found`. */
export function getRun(db: Reader, runId: string): RunRow {
  const run = runById(db).get({ runId })
  if (!run) throw notFound('There is no such run.')
  return run
}

const cancellation = prepared((db) =>
  db
    .select({ at: runs.cancelRequestedAt })
    .from(runs)
    .where(eq(runs.id, sql.placeholder('runId')))
    .prepare(),
)

/** Whether somebody has asked a run to turn back, and it has not yet. */
export function isCancelled(db: Reader, runId: string): boolean {
  return cancellation(db).get({ runId })?.at != null
}

/** Whether a run is at work, or will be. */
export function isLive({ status }: Pick<RunRow, 'status'>): boolean {
  return status === 'queued' || status === 'running' || status === 'waiting'
}

/**
 * The latest run of a tenant, of one kind when it is given. A deletion that was taken back does not count: it left
 * everything as it was, also a run before it that stopped half-way and must still be mended.
 */
export function latestRun(db: Reader, tenantId: string, kind?: string): RunRow | undefined {
  return latestThatCounts(db).get({ tenantId, kind: kind ?? null })
}

const latestThatCounts = prepared((db) => {
  const kind = sql.placeholder('kind')
  const isMeant = sql`(${kind} IS NULL OR ${runs.kind} = ${kind})`
  const counts = or(ne(runs.kind, 'delete'), ne(runs.status, 'cancelled'))
  return db
    .select()
    .from(runs)
    .where(and(eq(runs.tenantId, sql.placeholder('tenantId')), counts, isMeant))
    .orderBy(desc(runs.createdAt))
    .limit(1)
    .prepare()
})

/** Why a run can't be taken back any more, as a sentence; null while it can. */
export function pastReturn(db: Reader, recipe: Recipe, run: RunRow): string | null {
  const { steps, pointOfNoReturn, noReturn } = recipe
  if (!isPastReturn(stepsOf(db, run.id), recipe)) return null
  const title = steps.find(({ name }) => name === pointOfNoReturn)?.title
  const begun = `“${title}” has begun, and that can’t be taken back. The run can only go on.`
  return noReturn ? noReturn(db, factsOf(run)) : begun
}

export function factsOf(run: RunRow): RunFacts {
  const input = JSON.parse(run.input) as RunFacts['input']
  return { id: run.id, kind: run.kind, tenantId: run.tenantId, direction: run.direction, input }
}

/** Literals, because SQLite uses no partial index for bound values. */
const IS_WAITING = sql`${runs.status} IN ('queued', 'waiting')`

const earliestRun = prepared((db) =>
  db
    .select({ at: min(runs.availableAt) })
    .from(runs)
    .where(IS_WAITING)
    .prepare(),
)

/** When the next run wants to be worked on; null when none does. */
export function nextRunDueAt(db: Reader): number | null {
  return earliestRun(db).get()?.at ?? null
}

const dueRuns = prepared((db) =>
  db
    .select()
    .from(runs)
    .where(and(IS_WAITING, lte(runs.availableAt, sql.placeholder('nowMs'))))
    .orderBy(asc(runs.availableAt))
    .limit(sql.placeholder('limit'))
    .prepare(),
)
const changeRun = updating(runs, 'id')

/** Claims due runs, oldest first. Each claim raises the fence, so that a former holder can finish nothing. */
export function claimRuns(tx: Tx, holder: string, limit: number, nowMs: number): RunRow[] {
  const due = dueRuns(tx).all({ nowMs, limit })
  for (const run of due) {
    run.fence += 1
    const startedAt = run.startedAt ?? nowMs
    changeRun(tx, run, { status: 'running', claimedBy: holder, fence: run.fence, startedAt })
  }
  return due
}

const requeueOrphans = prepared((tx: Tx) =>
  tx
    .update(runs)
    .set({ status: 'queued', availableAt: sql`${sql.placeholder('nowMs')}`, claimedBy: null })
    .where(eq(runs.status, 'running').inlineParams())
    .returning({ id: runs.id })
    .prepare(),
)

/**
 * Queues again what a process that died was working on, and settles the effects it was waiting for; returns how many
 * runs. Only one process may hold the data folder, so whatever runs at its start has lost its worker.
 */
export function recoverRuns(tx: Tx, nowMs: number): number {
  recoverEffects(tx, nowMs)
  return requeueOrphans(tx).all({ nowMs }).length
}

const countLines = prepared((db) =>
  db
    .select({
      all: count(),
      ofStep: sql<number>`coalesce(sum(${runLogs.step} = ${sql.placeholder('step')}), 0)`,
    })
    .from(runLogs)
    .where(eq(runLogs.runId, sql.placeholder('runId')))
    .prepare(),
)
const insertLine = inserting(runLogs)

/** Adds a line to a run's log, which keeps the first 500 lines of each step. */
export function addRunLog(tx: Tx, runId: string, step: string, line: string, nowMs: number): void {
  const lines = countLines(tx).get({ runId, step })
  if (!lines || lines.ofStep >= STEP_LOG_LINES_MAX) return
  insertLine(tx, { runId, position: lines.all, at: nowMs, step, line: line.slice(0, LOG_LINE_CHARS_MAX) })
}

const liveRun = prepared((db) => {
  const isOne = inArray(runs.status, ['queued', 'running', 'waiting']).inlineParams()
  const mine = eq(runs.tenantId, sql.placeholder('tenantId'))
  return db.select({ kind: runs.kind }).from(runs).where(and(mine, isOne)).prepare()
})

function refuseSecondLiveRun(tx: Tx, tenantId: string): void {
  const live = liveRun(tx).get({ tenantId })
  if (!live) return
  const kind = live.kind.replaceAll('-', ' ')
  throw conflict(
    `Something else is being done to this tenant. Wait until its run “${kind}” has ended, or cancel it.`,
  )
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
