import type { Tx } from '../db/open'
import { deployRecipe, noteFailure } from '../deployments/deploy'
import { failureOf } from '../deployments/failure'
import type { DeployWork } from '../deployments/work'
import type { Recipe, RunFacts } from '../runs/recipe'
import type { Services } from '../services'
import { getRollout, isLive } from './rollout'
import { targetEnds } from './targets'

/** The deploy of one tenant, whose end is also that of the target which its rollout has in it. */
export function targetRecipe(services: Services): Recipe {
  const deploy = deployRecipe(services)
  return {
    ...deploy,
    succeeded(tx, run, nowMs) {
      deploy.succeeded(tx, run, nowMs)
      targetEnds.succeeded(tx, run, nowMs)
    },
    failed(tx, run, error, nowMs) {
      targetEnds.failed(tx, run, { ...failureOf(tx, run, error), reason: error.message }, nowMs)
      if (isToldLater(tx, run)) noteFailure(tx, run, error, nowMs)
      else deploy.failed(tx, run, error, nowMs)
    },
    retried(tx, run, nowMs) {
      deploy.retried?.(tx, run, nowMs)
      targetEnds.begun(tx, run, nowMs)
    },
    turned(tx, run, nowMs) {
      deploy.turned?.(tx, run, nowMs)
      targetEnds.begun(tx, run, nowMs)
    },
    undone(tx, run, nowMs) {
      deploy.undone(tx, run, nowMs)
      targetEnds.undone(tx, run, nowMs)
    },
  }
}

/** A live rollout tells of all its failures together, in one mail when it ends. */
function isToldLater(tx: Tx, { input }: RunFacts): boolean {
  const { rolloutId } = input as DeployWork
  return rolloutId !== undefined && isLive(getRollout(tx, rolloutId))
}
