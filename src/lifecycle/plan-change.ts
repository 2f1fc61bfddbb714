import { eq } from 'drizzle-orm'
import { planChangeBegun, planChanged, planKept } from '../../views/emails/plan-change'
import { type Actor, ATLAS, audit } from '../audit'
import { getPlan } from '../catalog/plans'
import type { Tx } from '../db/open'
import { tenants } from '../db/schema'
import { conflict } from '../errors'
import { checkHealth, deliverSettings, startApp, stop, stopApp, stopIfOn } from '../provisioning/app'
import { setCloudBackups } from '../provisioning/cloud-backups'
import { checkPlacement } from '../provisioning/placement'
import { changeType, powerOff, powerOn, waitForAgent } from '../provisioning/power'
import { changeSubscription } from '../provisioning/subscription'
import { requireStartable } from '../releases/no-return'
import { onlyIf, type Recipe, type RunFacts, type Step, type SwiftStep } from '../runs/recipe'
import { queueRun } from '../runs/verbs'
import type { Services } from '../services'
import { tellCustomer } from '../tenants/customer-mail'
import { commonEnds } from '../tenants/failure'
import { requireReady } from '../tenants/readiness'
import { getTenant } from '../tenants/tenant'
import { downtimeMinutes } from './downtime'
import type { PlanChange } from './plan-choice'
import { turnsWithoutPayer } from './without-payer'

const KEPT = 'The server keeps its type.'

/**
 * Queues the change of an active tenant to another plan, as `choosePlan` found it possible: first the subscription,
 * then the server. Throws `conflict` when it is not active, its plan is another by now, or something else is being
 * done to it.
 */
export function changePlan(
  tx: Tx,
  services: Services,
  tenantId: string,
  { actor, nowMs, change }: { actor: Actor; nowMs: number; change: PlanChange },
): { runId: string; minutes: number } {
  const tenant = getTenant(tx, tenantId)
  requireReady(tx, tenant, ['active'], 'given another plan')
  requireStartable(tx, tenant, 'given another plan')
  if (tenant.planId !== change.formerPlanId) {
    throw conflict('The plan was changed by somebody else meanwhile. Look again.')
  }
  const minutes = downtimeMinutes(tx, change)
  const runId = queueRun(tx, changePlanRecipe(services), tenantId, { ...change, minutes }, nowMs)
  const planName = getPlan(tx, change.planId).name
  const mail = { kind: 'plan-change-begun', occasion: runId, write: planChangeBegun(planName, minutes) }
  tellCustomer(tx, services, tenant, mail, nowMs)
  const detail = { run: runId, from: change.formerPlanId, to: change.planId }
  audit(tx, nowMs, { actor, action: 'tenant.plan_change_asked', subject: tenantId, detail })
  return { runId, minutes }
}

/** From one plan to another; when the server keeps its type, only the settings change. */
export function changePlanRecipe(services: Services): Recipe {
  const ends = commonEnds(services, { forward: 'given the other plan', undo: 'given its plan back' })
  // An older database may have forgotten that a run left the server off.
  const halt: SwiftStep = { ...stopApp(services), run: (context) => stopIfOn(services, context) }
  return turnsWithoutPayer({
    kind: 'change-plan',
    title: 'Change the plan',
    steps: [
      checkPlacement(services),
      changeSubscription(services),
      // Even when it did not stop, the app must be started again to learn of its former settings.
      { ...ifTypeChanges(halt), undo: halt.undo },
      ifTypeChanges(powerOff(services)),
      ifTypeChanges(changeType(services)),
      // Also a server that has its type already: an older database may have forgotten what left it off.
      onlyIf(powerOn(services), { by: (run) => run.direction === 'forward' || changesType(run), else: KEPT }),
      waitForAgent(services),
      { ...deliverSettings(services), undo: deliverSettings(services).run },
      { ...startApp(services), undo: (context) => stop(services, context) },
      checkHealth(services),
      { ...setCloudBackups(services), undo: setCloudBackups(services).run },
    ],
    ...ends,
    succeeded: (tx, run, nowMs) => haveNewPlan(tx, services, run, nowMs),
    undone: (tx, run, nowMs) => {
      ends.undone(tx, run, nowMs)
      keepFormerPlan(tx, services, run, nowMs)
    },
  })
}

const ifTypeChanges = (step: Step): Step => onlyIf(step, { by: changesType, else: KEPT })

function changesType({ input }: RunFacts): boolean {
  return input.serverType !== input.formerType
}

function haveNewPlan(tx: Tx, services: Services, run: RunFacts, nowMs: number): void {
  const tenant = getTenant(tx, run.tenantId)
  const planId = String(run.input.planId)
  tx.update(tenants)
    .set({ planId, statusReason: null, updatedAt: nowMs })
    .where(eq(tenants.id, tenant.id))
    .run()
  const write = planChanged(getPlan(tx, planId).name)
  tellCustomer(tx, services, tenant, { kind: 'plan-changed', occasion: run.id, write }, nowMs)
  const detail = { run: run.id, from: tenant.planId, to: planId }
  audit(tx, nowMs, { actor: ATLAS, action: 'tenant.plan_changed', subject: tenant.id, detail })
}

function keepFormerPlan(tx: Tx, services: Services, run: RunFacts, nowMs: number): void {
  const tenant = getTenant(tx, run.tenantId)
  const write = planKept(getPlan(tx, tenant.planId).name)
  tellCustomer(tx, services, tenant, { kind: 'plan-kept', occasion: run.id, write }, nowMs)
}
