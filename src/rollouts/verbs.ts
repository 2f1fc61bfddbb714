import { and, eq, inArray, sql } from 'drizzle-orm'
import { type Actor, audit } from '../audit'
import type { Tx } from '../db/open'
import { rollouts, rolloutTargets, tenants } from '../db/schema'
import { conflict, notFound } from '../errors'
import { getRelease } from '../releases/release'
import type { Services } from '../services'
import { finish } from './act'
import { heldInWords } from './obstacles'
import {
  getRollout,
  isLive,
  latestRollout,
  liveRollout,
  type RolloutRow,
  type RolloutStatus,
  strategyOf,
} from './rollout'
import { type TargetRow, wake } from './targets'

type Asked = { actor: Actor; nowMs: number }

/** Starts nothing more until it is resumed; what is under way is finished. Throws `conflict`. */
export function holdRollout(tx: Tx, rolloutId: string, { actor, nowMs }: Asked): void {
  const rollout = mustBe(tx, rolloutId, ['running', 'going_back'], 'held')
  change(tx, rollout, { status: 'held', dueAt: null, reason: 'Held by hand.' })
  record(tx, rollout, 'hold_asked', actor, nowMs)
}

/**
 * Goes on the way that it was going. Of a frozen one the ways back that failed are tried once more; without a way back
 * somebody has to mend those tenants first. Throws `conflict`.
 */
export function resumeRollout(tx: Tx, rolloutId: string, { actor, nowMs }: Asked): void {
  const rollout = mustBe(tx, rolloutId, ['held', 'frozen'], 'resumed')
  const stuck = and(eq(rolloutTargets.rolloutId, rolloutId), eq(rolloutTargets.state, 'stuck'))
  if (!strategyOf(rollout).canGoBack) requireNobody(tx.select().from(rolloutTargets).where(stuck).all())
  tx.update(rolloutTargets).set({ state: 'going_back', updatedAt: nowMs }).where(stuck).run()
  const status = rollout.wentBackAt === null ? 'running' : 'going_back'
  change(tx, rollout, { status, dueAt: nowMs, reason: null })
  record(tx, rollout, 'resumption_asked', actor, nowMs)
}

/** Without a way back only a run that is retried unsticks a tenant, and not one whose run has succeeded. */
function requireNobody(stuck: readonly TargetRow[]): void {
  if (stuck.length === 0) return
  const isLater = stuck.some(({ failedPart }) => failedPart === 'later')
  throw conflict(
    isLater
      ? 'There is no way back from this release, and who was found down after they had got it has no run to retry. Abort; then restore the backups from before it, or roll out a release that mends it.'
      : 'There is no way back from this release. Retry the runs that are stuck; or abort, and restore the backups from before it.',
  )
}

/** Leaves a tenant out that has not begun; a rollout that succeeds does not bring it up to date later. Throws `conflict`. */
export function skipTarget(tx: Tx, rolloutId: string, tenantId: string, { actor, nowMs }: Asked): void {
  const rollout = mustBe(tx, rolloutId, ['running', 'held'], 'changed')
  const mine = and(eq(rolloutTargets.rolloutId, rolloutId), eq(rolloutTargets.tenantId, tenantId))
  const target = tx.select().from(rolloutTargets).where(mine).get()
  if (!target) throw notFound('This tenant is no part of the rollout.')
  if (target.state !== 'waiting' && target.state !== 'set_aside')
    throw conflict('It has begun here already. Only a tenant that waits can be left out.')
  tx.update(rolloutTargets)
    .set({ state: 'skipped', reason: 'Left out by hand.', updatedAt: nowMs })
    .where(mine)
    .run()
  wake(tx, rolloutId, nowMs)
  const detail = { tenant: tenantId }
  audit(tx, nowMs, { actor, action: 'rollout.tenant_skipped', subject: rollout.id, detail })
}

/** Ends a live rollout where it stands: every tenant keeps what it has, what is under way is finished. Throws `conflict`. */
export function abortRollout(tx: Tx, services: Services, rolloutId: string, { actor, nowMs }: Asked): void {
  const rollout = mustBe(tx, rolloutId, ['running', 'held', 'going_back', 'frozen'], 'aborted')
  record(tx, rollout, 'abortion_asked', actor, nowMs)
  finish({ tx, services, rollout, nowMs }, { status: 'aborted', reason: 'Aborted by hand.' })
}

/**
 * Takes the release back from everybody who got it, also after the rollout has ended, as long as no later one has
 * begun. Throws `conflict`, also when there is no way back.
 */
export function rollBack(tx: Tx, rolloutId: string, { actor, nowMs }: Asked): void {
  const allowed = ['running', 'held', 'frozen', 'succeeded', 'aborted', 'stopped'] as const
  const rollout = mustBe(tx, rolloutId, allowed, 'taken back')
  const release = getRelease(tx, rollout.releaseId)
  if (!strategyOf(rollout).canGoBack)
    throw conflict(`There is no way back from ${release.tag}. Restore the backups from before it instead.`)
  if (!isLive(rollout)) requireLatest(tx, rollout)
  countIn(tx, rollout, nowMs)
  const stuck = and(eq(rolloutTargets.rolloutId, rolloutId), eq(rolloutTargets.state, 'stuck'))
  tx.update(rolloutTargets).set({ state: 'going_back', updatedAt: nowMs }).where(stuck).run()
  const turned = { wentBackAt: nowMs, waveDoneAt: null, finishedAt: null, dueAt: nowMs }
  change(tx, rollout, { ...turned, status: 'going_back', reason: 'Taken back by hand.' })
  record(tx, rollout, 'way_back_asked', actor, nowMs)
}

/** Whoever was set aside or left out, and got the release since, is taken back like the others. */
function countIn(tx: Tx, { id, releaseId }: RolloutRow, updatedAt: number): void {
  const hasIt = sql`EXISTS (SELECT 1 FROM ${tenants}
    WHERE ${tenants.id} = ${rolloutTargets.tenantId} AND ${tenants.releaseId} = ${releaseId})`
  const wasOut = inArray(rolloutTargets.state, ['waiting', 'set_aside', 'failed', 'skipped'])
  tx.update(rolloutTargets)
    .set({ state: 'succeeded', reason: null, updatedAt })
    .where(and(eq(rolloutTargets.rolloutId, id), wasOut, hasIt))
    .run()
}

function requireLatest(tx: Tx, { id, blueprint }: RolloutRow): void {
  const live = liveRollout(tx, blueprint)
  if (live) throw conflict(heldInWords(tx, live))
  if (latestRollout(tx, blueprint)?.id === id) return
  throw conflict(
    'A later rollout has taken this one’s place. Take that one back, or roll another release out.',
  )
}

function mustBe(tx: Tx, rolloutId: string, allowed: readonly RolloutStatus[], what: string): RolloutRow {
  const rollout = getRollout(tx, rolloutId)
  if (allowed.includes(rollout.status)) return rollout
  throw conflict(`This rollout ${IN_WORDS[rollout.status]}, so it can’t be ${what}.`)
}

const IN_WORDS: Record<RolloutStatus, string> = {
  running: 'is running',
  held: 'is held',
  going_back: 'is going back',
  frozen: 'is frozen',
  succeeded: 'has succeeded',
  stopped: 'has stopped',
  rolled_back: 'was taken back',
  aborted: 'was aborted',
}

function change(tx: Tx, { id }: RolloutRow, fields: Partial<RolloutRow>): void {
  tx.update(rollouts).set(fields).where(eq(rollouts.id, id)).run()
}

function record(tx: Tx, { id, releaseId }: RolloutRow, verb: string, actor: Actor, nowMs: number): void {
  const detail = { release: getRelease(tx, releaseId).tag }
  audit(tx, nowMs, { actor, action: `rollout.${verb}`, subject: id, detail })
}
