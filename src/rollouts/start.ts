import { sql } from 'drizzle-orm'
import { type Actor, audit } from '../audit'
import type { Tx } from '../db/open'
import { rollouts, rolloutTargets } from '../db/schema'
import { newId } from '../ids'
import { getRelease } from '../releases/release'
import type { Services } from '../services'
import { requireClear } from './obstacles'
import type { PlannedTarget } from './plan'
import { lookAhead } from './prospect'
import type { StoredStrategy } from './rollout'
import type { Strategy } from './strategy'

export type RolloutAsked = {
  releaseId: string
  strategy: Strategy
  /** Whoever starts a release without a way back has to know it. */
  acceptsNoWayBack?: boolean
  actor: Actor
  nowMs: number
}

/**
 * Starts a rollout to everybody who does not run the release yet; what it does is what `lookAhead` says. Throws
 * `conflict` with the reason when another one holds the fleet, when nobody is left, when a backup is wanted and can't
 * be made, or when there is no way back and nobody has said that this is known.
 */
export function startRollout(
  tx: Tx,
  services: Services,
  { releaseId, strategy, acceptsNoWayBack = false, actor, nowMs }: RolloutAsked,
): { rolloutId: string } {
  const release = getRelease(tx, releaseId)
  const prospect = lookAhead(tx, services, { release, strategy })
  requireClear(prospect, acceptsNoWayBack)
  const { targets, waves, stopAt, deployMs, canGoBack } = prospect
  const rolloutId = newId('rol', nowMs)
  const stored: StoredStrategy = { ...strategy, stopAt, waveCount: waves.length, deployMs, canGoBack }
  tx.insert(rollouts)
    .values({
      id: rolloutId,
      blueprint: release.blueprint,
      releaseId,
      status: 'running',
      strategy: JSON.stringify(stored),
      dueAt: nowMs,
      createdBy: actor.id,
      createdAt: nowMs,
    })
    .run()
  writeTargets(tx, rolloutId, targets, nowMs)
  const detail = { release: release.tag, tenants: targets.length, waves: waves.length }
  audit(tx, nowMs, { actor, action: 'rollout.started', subject: rolloutId, detail })
  return { rolloutId }
}

function writeTargets(tx: Tx, rolloutId: string, targets: readonly PlannedTarget[], updatedAt: number): void {
  const insert = tx
    .insert(rolloutTargets)
    .values({
      rolloutId,
      tenantId: sql.placeholder('tenantId'),
      wave: sql.placeholder('wave'),
      position: sql.placeholder('position'),
      state: sql.placeholder('state'),
      formerReleaseId: sql.placeholder('formerReleaseId'),
      formerRelease: sql.placeholder('formerRelease'),
      reason: sql.placeholder('obstacle'),
      updatedAt,
    })
    .prepare()
  for (const target of targets)
    insert.run({ ...target, state: target.obstacle === null ? 'waiting' : 'set_aside' })
}
