import { eq } from 'drizzle-orm'
import { type Actor, ATLAS, audit } from '../audit'
import { requireAccepted } from '../backups/adopt'
import { type BackupRow, getBackup, latestBackup, missingFor } from '../backups/backup'
import { copyingEnds } from '../backups/ends'
import { obstacleTo } from '../backups/restore'
import type { Reader, Tx } from '../db/open'
import { servers } from '../db/schema'
import { conflict, notFound } from '../errors'
import { checkHealth, deliverSettings, startApp, stopAgain } from '../provisioning/app'
import { setCloudBackups } from '../provisioning/cloud-backups'
import { rotateHostKey, verifyHostKey } from '../provisioning/host-key'
import { waitForDns } from '../provisioning/name'
import { releaseAddresses } from '../provisioning/release'
import { ensureFirewall, waitForServer } from '../provisioning/server'
import { changeSubscription } from '../provisioning/subscription'
import { requireStartable } from '../releases/no-return'
import { onlyIf, type Recipe, type RunFacts, type Step } from '../runs/recipe'
import { queueRun } from '../runs/verbs'
import type { Services } from '../services'
import { requireReady } from '../tenants/readiness'
import { getTenant, planServer, serverOf, serversOf } from '../tenants/tenant'
import { checkMove } from './check-move'
import { handOver, makeServer, pointToNewServer, retireOldServer } from './move-address'
import { bringData, copyData, prepareServer, stopOldApp } from './move-data'
import type { PriceChange } from './plan-choice'
import { turnsWithoutPayer } from './without-payer'

export type MoveAsked = {
  actor: Actor
  nowMs: number
  /** The backup to move with, instead of a fresh one or, from a server that is dead, the latest. */
  backupId?: string
  /** Whether the latest backup may take the place of the data when the old server does not answer. */
  acceptOlderBackup?: boolean
  /** Whether the backup may be one that was found in the storage, and that nobody can vouch for. */
  acceptUnverified?: boolean
  /** What changes at Stripe when the new server is of another plan. */
  plan?: PriceChange | null
}

/**
 * Queues the move of a tenant to a new server. Throws `conflict` with the reason when its app can't be copied at all,
 * when its release can't live with the data that comes along, or when something else is being done to it. Whether there
 * is anything to copy is seen by the run's first step; `lookAtMove` tells it before.
 */
export function moveToNewServer(
  tx: Tx,
  services: Services,
  tenantId: string,
  { actor, nowMs, backupId, acceptOlderBackup = false, acceptUnverified = false, plan }: MoveAsked,
): { runId: string } {
  const tenant = getTenant(tx, tenantId)
  requireReady(tx, tenant, plan ? ['active'] : ['active', 'suspended'], 'moved')
  if (plan && plan.formerPlanId !== tenant.planId) {
    throw conflict('The plan was changed by somebody else meanwhile. Look again.')
  }
  const from = serverOf(tx, tenantId)
  const missing = missingFor(services, tenant, from, 'app')
  if (missing) throw conflict(missing)
  if (backupId) requireAccepted(checkedBackup(tx, services, tenantId, backupId), acceptUnverified)
  const older = acceptOlderBackup ? latestBackup(tx, tenantId, 'app') : undefined
  requireStartable(tx, tenant, 'moved', backupId ? getBackup(tx, backupId) : older)
  refuseUnfinishedMove(tx, tenantId)
  const to = planServer(tx, tenant, 'next', nowMs, services.random)
  const data = {
    ...(backupId ? { backupId } : {}),
    ...(acceptOlderBackup ? { acceptOlderBackup } : {}),
    ...(acceptUnverified ? { acceptUnverified } : {}),
  }
  const input = { serverId: to.id, fromServerId: from.id, ...data, ...plan }
  const runId = queueRun(tx, moveRecipe(services), tenantId, input, nowMs)
  const detail = { run: runId, from: from.name, to: to.name, plan: plan?.planId ?? tenant.planId }
  audit(tx, nowMs, { actor, action: 'tenant.move_asked', subject: tenantId, detail })
  return { runId }
}

/**
 * To a new server, with the data as it is or as it was backed up last. The new server is made while the old one still
 * serves, so that visitors wait only for the copy and the name. The name leads to the new server before the app starts
 * there: its front can get no certificate earlier.
 */
export function moveRecipe(services: Services): Recipe {
  const ends = copyingEnds(services, { forward: 'moved', undo: 'brought back to its old server' })
  return turnsWithoutPayer({
    kind: 'move',
    title: 'Move',
    steps: [
      checkMove(services),
      ifPlanChanges(changeSubscription(services)),
      prepareServer(services),
      ensureFirewall(services),
      makeServer(services),
      waitForServer(services),
      verifyHostKey(services),
      rotateHostKey(services),
      setCloudBackups(services),
      deliverSettings(services),
      stopOldApp(services),
      copyData(services),
      bringData(services),
      pointToNewServer(services),
      waitForDns(services),
      startApp(services, { migrates: true }),
      checkHealth(services),
      stopAgain(services),
      handOver(),
      retireOldServer(services),
      releaseAddresses(services),
    ],
    pointOfNoReturn: 'hand-over',
    ...ends,
    succeeded: (tx, run, nowMs) => tellSuccess(tx, run, nowMs),
    undone: (tx, run, nowMs) => {
      dropNewServer(tx, run, nowMs)
      ends.undone(tx, run, nowMs)
    },
  })
}

function ifPlanChanges(step: Step): Step {
  return onlyIf(step, { by: ({ input }) => Boolean(input.planId), else: 'The plan stays.' })
}

function checkedBackup(tx: Tx, services: Services, tenantId: string, backupId: string): BackupRow {
  const backup = getBackup(tx, backupId)
  if (backup.tenantId !== tenantId) throw notFound('This tenant has no such backup.')
  if (backup.method === 'image')
    throw conflict('An image goes back to its own server only. Move with a backup of the app.')
  const obstacle = obstacleTo(services, backup, serverOf(tx, tenantId))
  if (obstacle) throw conflict(obstacle)
  return backup
}

/** A move that failed half-way holds a server already. */
function refuseUnfinishedMove(db: Reader, tenantId: string): void {
  if (!serversOf(db, tenantId).some(({ role }) => role === 'next')) return
  throw conflict('An earlier move has stopped half-way. Retry or undo it first.')
}

function dropNewServer(tx: Tx, { input }: RunFacts, nowMs: number): void {
  tx.update(servers)
    .set({ role: 'former', deletedAt: nowMs })
    .where(eq(servers.id, String(input.serverId)))
    .run()
}

function tellSuccess(tx: Tx, { id, tenantId }: RunFacts, nowMs: number): void {
  audit(tx, nowMs, { actor: ATLAS, action: 'tenant.moved', subject: tenantId, detail: { run: id } })
}
