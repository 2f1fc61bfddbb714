import { and, eq } from 'drizzle-orm'
import { ATLAS, audit } from '../audit'
import type { Tx } from '../db/open'
import { rollouts, rolloutTargets } from '../db/schema'
import { barrierTo, queueDeploy, workFor } from '../deployments/deploy'
import { notFound } from '../errors'
import { getRelease } from '../releases/release'
import type { Services } from '../services'
import { getTenant, type TenantRow } from '../tenants/tenant'
import type { Decision } from './decide'
import { type RolloutRow, strategyOf } from './rollout'
import type { TargetRow } from './targets'
import { tell } from './tell'
import { wantBack, wantByAll } from './wanted'

/** Where a decision is made true: the transaction in which it was made. */
type Stage = { tx: Tx; services: Services; rollout: RolloutRow; nowMs: number }

/** Makes one decision true, in the transaction in which it was made. */
export function act(stage: Stage, decision: Decision): void {
  if ('tenantId' in decision) actOnTenant(stage, decision)
  else actOnRollout(stage, decision)
}

function actOnTenant(stage: Stage, decision: Extract<Decision, { tenantId: string }>): void {
  const { tenantId } = decision
  if (decision.kind === 'deploy') deploy(stage, tenantId)
  else if (decision.kind === 'take_back') takeBack(stage, tenantId)
  else if (decision.kind === 'count_as_failed') countAsFailed(stage, tenantId, decision.reason)
  else changeTarget(stage, tenantId, { state: 'set_aside', reason: decision.reason })
}

function actOnRollout(stage: Stage, decision: Exclude<Decision, { tenantId: string }>): void {
  const { nowMs } = stage
  const { kind } = decision
  if (kind === 'bake') change(stage, { waveDoneAt: nowMs })
  else if (kind === 'next_wave') change(stage, { wave: decision.wave, waveDoneAt: null })
  else if (kind === 'look_again') change(stage, { dueAt: decision.atMs })
  else if (kind === 'turn_back') turnBack(stage, decision.reason)
  else if (kind === 'finish') finish(stage, decision)
  else stand(stage, { status: kind === 'freeze' ? 'frozen' : 'held', reason: decision.reason })
}

/** Ends a rollout, and makes true for its tenants what follows from how it ended. */
export function finish(
  stage: Stage,
  { status, reason }: { status: RolloutRow['status']; reason?: string },
): void {
  const { tx, services, rollout, nowMs } = stage
  change(stage, { status, finishedAt: nowMs, dueAt: null, ...(reason ? { reason } : {}) })
  if (status === 'succeeded') wantByAll(tx, rollout, nowMs)
  if (status === 'rolled_back') wantBack(tx, rollout, nowMs)
  record(stage, status)
  tell(tx, services, { ...rollout, status, reason: reason ?? rollout.reason }, nowMs)
}

function deploy(stage: Stage, tenantId: string): void {
  const tenant = getTenant(stage.tx, tenantId)
  // What was in flight as the rollout began may have brought a tenant past a release without a way back.
  const reason = barrierTo(stage.tx, tenant, getRelease(stage.tx, stage.rollout.releaseId))
  if (reason === null) beginDeploy(stage, tenant)
  else changeTarget(stage, tenantId, { state: 'set_aside', reason })
}

function beginDeploy(stage: Stage, tenant: TenantRow): void {
  const { tx, services, rollout, nowMs } = stage
  const { tag } = getRelease(tx, rollout.releaseId)
  const wanted = { releaseId: rollout.releaseId, release: tag, way: 'forward' as const }
  const work = { ...workFor(tenant, wanted), rolloutId: rollout.id }
  const runId = queueDeploy(tx, services, tenant.id, work, nowMs)
  // It may have been brought to another release after the rollout had begun.
  const former = { formerReleaseId: tenant.releaseId, formerRelease: tenant.release }
  const hasOther = tenant.releaseId !== rollout.releaseId
  changeTarget(stage, tenant.id, { state: 'deploying', runId, ...(hasOther ? former : {}) })
}

function takeBack(stage: Stage, tenantId: string): void {
  const { tx, services, rollout, nowMs } = stage
  const { formerReleaseId, formerRelease } = getTarget(tx, rollout, tenantId)
  const leaves = { releaseId: rollout.releaseId, release: getRelease(tx, rollout.releaseId).tag }
  const wanted = { releaseId: formerReleaseId, release: formerRelease, way: 'back' as const }
  const work = { ...workFor(leaves, wanted), rolloutId: rollout.id }
  const runId = queueDeploy(tx, services, tenantId, work, nowMs)
  changeTarget(stage, tenantId, { state: 'going_back', runId })
}

/** One that got the release and is down since: it failed like any other, only later. */
function countAsFailed(stage: Stage, tenantId: string, reason: string): void {
  const { canGoBack } = strategyOf(stage.rollout)
  changeTarget(stage, tenantId, { state: canGoBack ? 'going_back' : 'stuck', failedPart: 'later', reason })
}

function turnBack(stage: Stage, reason: string): void {
  change(stage, { status: 'going_back', wentBackAt: stage.nowMs, waveDoneAt: null, reason })
  record(stage, 'going_back')
}

/** It stands still until a person has looked. */
function stand(stage: Stage, now: { status: 'frozen' | 'held'; reason: string }): void {
  change(stage, { ...now, dueAt: null })
  record(stage, now.status)
  tell(stage.tx, stage.services, { ...stage.rollout, ...now }, stage.nowMs)
}

function record({ tx, rollout, nowMs }: Stage, status: RolloutRow['status']): void {
  const { tag } = getRelease(tx, rollout.releaseId)
  const detail = { release: tag, wave: rollout.wave + 1 }
  audit(tx, nowMs, { actor: ATLAS, action: `rollout.${status}`, subject: rollout.id, detail })
}

function change({ tx, rollout }: Stage, fields: Partial<RolloutRow>): void {
  tx.update(rollouts).set(fields).where(eq(rollouts.id, rollout.id)).run()
}

function changeTarget({ tx, rollout, nowMs }: Stage, tenantId: string, fields: Partial<TargetRow>): void {
  tx.update(rolloutTargets)
    .set({ ...fields, updatedAt: nowMs })
    .where(isTarget(rollout, tenantId))
    .run()
}

function getTarget(tx: Tx, rollout: RolloutRow, tenantId: string): TargetRow {
  const target = tx.select().from(rolloutTargets).where(isTarget(rollout, tenantId)).get()
  if (!target) throw notFound('This tenant is no part of the rollout.')
  return target
}

function isTarget({ id }: RolloutRow, tenantId: string) {
  return and(eq(rolloutTargets.rolloutId, id), eq(rolloutTargets.tenantId, tenantId))
}
