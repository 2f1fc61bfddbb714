import { and, eq, inArray, lt, or } from 'drizzle-orm'
import type { Tx } from '../db/open'
import { rolloutTargets, runs } from '../db/schema'
import { AtlasError, type ErrorCode } from '../errors'
import { factsOf } from '../runs/run'
import type { Services } from '../services'
import { targetRecipe } from './recipe'
import type { RolloutRow } from './rollout'

/**
 * Makes up for runs that have failed without any consequences, because those could not be written then: otherwise
 * their rollout would wait for them for ever. What the server said of the failure is lost with them, so whatever it
 * may have begun counts as unknown.
 */
export function settleForgotten(tx: Tx, services: Services, { id }: RolloutRow, nowMs: number): void {
  const { state, updatedAt } = rolloutTargets
  // One that goes back may do so because its run has failed; then it has changed with that run, or since.
  const isForgotten = or(eq(state, 'deploying'), and(eq(state, 'going_back'), lt(updatedAt, runs.finishedAt)))
  const forgotten = tx
    .select({ run: runs })
    .from(rolloutTargets)
    .innerJoin(runs, and(eq(runs.id, rolloutTargets.runId), eq(runs.status, 'failed')))
    .where(and(eq(rolloutTargets.rolloutId, id), inArray(state, ['deploying', 'going_back']), isForgotten))
    .all()
  for (const { run } of forgotten) {
    const code = (run.errorCode ?? 'internal') as ErrorCode
    const error = new AtlasError(code, run.reason ?? 'No reason was recorded.')
    targetRecipe(services).failed(tx, factsOf(run), error, nowMs)
  }
}
