import { and, eq, inArray } from 'drizzle-orm'
import { type Actor, ATLAS, audit } from '../audit'
import type { Tx } from '../db/open'
import { effects } from '../db/schema'
import { AtlasError, conflict, notFound } from '../errors'
import { checkHealth, standAgain, startApp, stop, stopAgain } from '../provisioning/app'
import { PATIENCE } from '../provisioning/patience'
import { pauseMs } from '../provisioning/pause'
import { tellSecrets } from '../provisioning/tell-secrets'
import { requireStartable } from '../releases/no-return'
import { done, type Recipe, type RunFacts, type Step, type StepContext, wait } from '../runs/recipe'
import { queueRun } from '../runs/verbs'
import type { Services } from '../services'
import { requireReady } from '../tenants/readiness'
import { getTenant, type ServerRow, serverOf } from '../tenants/tenant'
import { storageOf } from './address'
import { requireAccepted } from './adopt'
import { type BackupRow, getBackup } from './backup'
import { copyIfPossible, copyTenant } from './copy'
import { copyingEnds } from './ends'
import { putBack } from './put-back'

/** How long the app's own backup is tried before an image is made instead: what is restored may not answer at all. */
const PATIENCE_MS = 120_000
const REASON = 'before_restore'

export type RestoreAsked = {
  backupId: string
  /** Whether a backup may be put back that was found in the storage, and that nobody can vouch for. */
  acceptUnverified?: boolean
  actor: Actor
  nowMs: number
}

/**
 * Queues that a backup is put back on the tenant's own server; what is there now is backed up first, and a suspended
 * tenant stays so. Throws `conflict` with the reason when that can't be, or when something else is being done to it.
 */
export function restoreTenant(
  tx: Tx,
  services: Services,
  tenantId: string,
  { backupId, acceptUnverified = false, actor, nowMs }: RestoreAsked,
): { runId: string } {
  const tenant = getTenant(tx, tenantId)
  requireReady(tx, tenant, ['active', 'suspended'], 'restored')
  const backup = getBackup(tx, backupId)
  if (backup.tenantId !== tenantId) throw notFound('This tenant has no such backup.')
  const obstacle = obstacleTo(services, backup, serverOf(tx, tenantId))
  if (obstacle) throw conflict(obstacle)
  requireStartable(tx, tenant, 'restored with this backup', backup)
  requireAccepted(backup, acceptUnverified)
  const runId = queueRun(tx, restoreRecipe(services), tenantId, { backupId }, nowMs)
  const detail = { run: runId, backup: backupId, made: new Date(backup.createdAt).toISOString() }
  audit(tx, nowMs, { actor, action: 'tenant.restore_asked', subject: tenantId, detail })
  return { runId }
}

/** Why a backup can't be put back on this server, as a sentence; null when it can. */
export function obstacleTo(
  { objects }: Pick<Services, 'objects'>,
  { status, method, serverId }: BackupRow,
  server: Pick<ServerRow, 'id'>,
): string | null {
  if (status === 'removed') return 'This backup is no longer kept.'
  if (status !== 'complete') return 'This backup is not complete.'
  if (method === 'app') return objects ? null : 'The storage that it is in is no longer configured.'
  if (serverId === server.id) return null
  return 'This image is of a server that the tenant has left. Restore a backup of the app instead.'
}

/** Back to how the tenant was when a backup was made. */
export function restoreRecipe(services: Services): Recipe {
  const ends = copyingEnds(services, { forward: 'restored', undo: 'brought back to what it was before' })
  return {
    kind: 'restore',
    title: 'Restore',
    steps: [
      stopFirst(services),
      safetyBackup(services),
      safetyImage(services),
      putBackupBack(services),
      renewSettings(services),
      startApp(services, { migrates: true }),
      checkHealth(services),
      stopAgain(services),
    ],
    ...ends,
    succeeded: (tx, run, nowMs) => tellSuccess(tx, run, nowMs),
  }
}

/** Nothing is written any more that the copy would lack. An app that can't even be stopped is restored all the same. */
function stopFirst(services: Services): Step {
  return {
    name: 'stop-app',
    title: 'Stop the app',
    patience: PATIENCE.answer,
    again: 'Stops the app, or finds it stopped.',
    takesBack: 'Starts the app again.',
    async run(context) {
      try {
        return await stop(services, context)
      } catch (thrown) {
        if (!(thrown instanceof AtlasError) || thrown.code === 'internal') throw thrown
        const waitedMs = context.now() - context.startedAt
        if (thrown.code === 'unavailable' && waitedMs < PATIENCE_MS) {
          return wait(pauseMs(waitedMs), thrown.message)
        }
        context.log(`The app could not be stopped: ${thrown.message}`)
        return done()
      }
    },
    undo: (context) => standAgain(services, context),
  }
}

/** Nothing is replaced before it is copied: the app as it is. */
function safetyBackup(services: Services): Step {
  return {
    name: 'safety-backup',
    title: 'Back up what is there now',
    patience: PATIENCE.answer,
    again: 'Finds the copy that it began, or begins one.',
    run: (context) =>
      copyIfPossible(services, context, { method: 'app', reason: REASON, patienceMs: PATIENCE_MS }),
  }
}

/** The whole disk instead, of an app that can't be copied: what is restored may be broken. */
function safetyImage(services: Services): Step {
  return {
    name: 'safety-image',
    title: 'Make an image if it can’t be copied',
    patience: PATIENCE.disk,
    again: 'Finds the image that it began, or begins one.',
    async run(context) {
      const { backupId } = context.output('safety-backup')
      return backupId
        ? done({ backupId })
        : copyTenant(services, context, { method: 'image', reason: REASON })
    },
  }
}

function putBackupBack(services: Services): Step {
  return {
    name: 'put-back',
    title: 'Put the backup back',
    patience: PATIENCE.answer,
    again: 'Puts the same backup back once more.',
    takesBack: 'Puts back what was there before if it was replaced.',
    run: (context) => put(services, context, String(context.run.input.backupId)),
    async undo(context) {
      // The app stands still until the first step is taken back, which starts it.
      if (!mayHaveReplaced(context)) return done()
      const { backupId } = context.output('safety-image')
      return put(services, context, String(backupId))
    },
  }
}

/**
 * Whether anything of the data may be gone: not when every call was refused before that. The agent says `unavailable`
 * also of a restore that stopped half-way.
 */
function mayHaveReplaced({ db, run, step }: StepContext): boolean {
  const mine = and(eq(effects.runId, run.id), eq(effects.step, step))
  const calls = and(mine, inArray(effects.verb, ['restore', 'rebuildServer']))
  return db.read
    .select()
    .from(effects)
    .where(calls)
    .all()
    .some(({ outcome, vendorCode }) => outcome !== 'refused' || vendorCode === 'agent_unavailable')
}

function put(services: Services, context: StepContext, backupId: string) {
  const { read } = context.db
  const backup = getBackup(read, backupId)
  if (backup.method === 'app') storageOf(services)
  return putBack(services, context, backup, serverOf(read, context.run.tenantId))
}

/** A disk brings the settings that it had: secrets that were changed since are told to it again. */
function renewSettings(services: Services): Step {
  return {
    name: 'renew-settings',
    title: 'Deliver today’s settings',
    again: 'Tells the server today’s secrets once more.',
    async run(context) {
      await tellSecrets(services, context)
      return done()
    },
  }
}

function tellSuccess(tx: Tx, { id, tenantId, input }: RunFacts, nowMs: number): void {
  const detail = { run: id, backup: String(input.backupId) }
  audit(tx, nowMs, { actor: ATLAS, action: 'tenant.restored', subject: tenantId, detail })
}
