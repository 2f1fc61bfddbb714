import { type Actor, audit } from '../audit'
import type { Reader, Tx } from '../db/open'
import { AtlasError, conflict } from '../errors'
import type { Recipe } from '../runs/recipe'
import { getRun, latestRun, pastReturn, type RunRow } from '../runs/run'
import { cancelRun, retryRun, undoRun } from '../runs/verbs'
import type { Services } from '../services'
import { allRecipes } from './recipes'

type Verb = (tx: Tx, recipe: Recipe, runId: string, nowMs: number) => RunRow

/** Goes on with a failed run at the step that failed. Throws `conflict` when it has not failed. */
export const retry = mending(retryRun, 'run.retried')

/** Takes back what a failed run did. Throws `conflict` when it has not failed, or can't be taken back any more. */
export const undo = mending(undoRun, 'run.undone')

/** Stops a live run and takes back what it did. Throws `conflict` when it has ended, or can't be taken back any more. */
export const cancel = mending(cancelRun, 'run.cancelled')

/** What can be done about a run now: each is exactly what the verbs above would not refuse. */
export function remediesFor(db: Reader, services: Services, run: RunRow) {
  const recipe = allRecipes(services).find(({ kind }) => kind === run.kind)
  const isLatest = latestRun(db, run.tenantId)?.id === run.id
  const isForward = run.direction === 'forward' && run.cancelRequestedAt === null
  const canTurn = isForward && recipe !== undefined && pastReturn(db, recipe, run) === null
  const failed = isLatest && run.status === 'failed'
  const live = run.status === 'queued' || run.status === 'running' || run.status === 'waiting'
  return { canRetry: failed, canUndo: failed && canTurn, canCancel: live && canTurn }
}

function mending(verb: Verb, action: string) {
  return (tx: Tx, services: Services, runId: string, actor: Actor, nowMs: number): RunRow => {
    const { kind, tenantId } = getRun(tx, runId)
    // Only a tenant's latest run speaks for it.
    if (latestRun(tx, tenantId)?.id !== runId) throw conflict('A later run has taken this one’s place.')
    const run = verb(tx, recipeOf(services, kind), runId, nowMs)
    audit(tx, nowMs, { actor, action, subject: tenantId, detail: { run: runId, kind } })
    return run
  }
}

function recipeOf(services: Services, kind: string): Recipe {
  const recipe = allRecipes(services).find((candidate) => candidate.kind === kind)
  if (!recipe) throw new AtlasError('conflict', `This Atlas has no recipe for ${kind}.`)
  return recipe
}
