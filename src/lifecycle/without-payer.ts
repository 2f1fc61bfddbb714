import { ATLAS, audit } from '../audit'
import { isEnded, subscriptionOf } from '../billing/mirror'
import type { Reader } from '../db/open'
import type { Recipe, RunFacts } from '../runs/recipe'
import { getRun, pastReturn } from '../runs/run'
import { undoRun } from '../runs/verbs'
import { getTenant } from '../tenants/tenant'

/**
 * The same recipe, whose run to another plan is taken back by itself when it stops after the subscription has ended:
 * there is nothing left to retry it for, and until it is taken back the tenant can't be suspended.
 */
export function turnsWithoutPayer(recipe: Recipe): Recipe {
  return {
    ...recipe,
    failed: (tx, run, error, nowMs) => {
      recipe.failed(tx, run, error, nowMs)
      if (run.direction === 'undo' || !run.input.planId || !hasLostPayer(tx, run)) return
      if (pastReturn(tx, recipe, getRun(tx, run.id))) return
      undoRun(tx, recipe, run.id, nowMs)
      const detail = { run: run.id, kind: run.kind, because: 'canceled' }
      audit(tx, nowMs, { actor: ATLAS, action: 'run.undone', subject: run.tenantId, detail })
    },
  }
}

function hasLostPayer(db: Reader, { tenantId }: RunFacts): boolean {
  const subscription = subscriptionOf(db, getTenant(db, tenantId).organizationId)
  return subscription !== undefined && isEnded(subscription)
}
