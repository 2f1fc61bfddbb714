import { and, eq } from 'drizzle-orm'
import { requireAccepted } from '../backups/adopt'
import { type BackupRow, getBackup, latestBackup } from '../backups/backup'
import { copyIfPossible, copyTenant } from '../backups/copy'
import { putBack } from '../backups/put-back'
import { servers } from '../db/schema'
import { AtlasError, conflict } from '../errors'
import { callAgent } from '../provisioning/agent'
import { start } from '../provisioning/app'
import { PATIENCE } from '../provisioning/patience'
import { pauseMs } from '../provisioning/pause'
import { FIRST_HOST_KEY } from '../provisioning/prepare'
import { done, type Step, type StepContext, type StepResult, wait } from '../runs/recipe'
import { stepsOf } from '../runs/steps'
import type { Services } from '../services'
import { destroySecrets, storeSecrets } from '../tenants/secrets'
import { getServer, getTenant, hostnameOf, type ServerRow, serverOfRun } from '../tenants/tenant'
import { doesAnswer, isSilence, lookAtMove } from './move-outlook'

/** For how long an old server that has stopped answering is asked again. */
const PATIENCE_MS = 180_000
/** For how long a silent server is asked before the move counts it as dead. */
const LOOK_PATIENCE_MS = 120_000
const STOP_TIMEOUT_MS = 120_000

/** The run's own look, before anything is touched. */
export function checkMove(services: Services): Step {
  return {
    name: 'check-move',
    title: 'See that it can be moved',
    patience: PATIENCE.answer,
    again: 'Looks again whether the old server answers and which backups there are.',
    takesBack: 'Starts the app, should a move that Atlas has forgotten have stopped it.',
    async run(context) {
      const { run, log, now, startedAt } = context
      const waitedMs = now() - startedAt
      if (waitedMs < LOOK_PATIENCE_MS && !(await doesAnswer(services, oldServerOf(context)))) {
        return wait(pauseMs(waitedMs), 'The old server does not answer.')
      }
      const planId = run.input.planId ? String(run.input.planId) : undefined
      const outlook = await lookAtMove(services, run.tenantId, planId)
      const { answers, serverType, location } = outlook
      if (!answers && !acceptsBackup(run)) throw wouldLoseData()
      if (!answers && outlook.latest) requireKnown(run, outlook.latest)
      if (!answers) log('The old server does not answer: a backup takes the place of its data.')
      return done({ answers, serverType, location })
    },
    undo: (context) => startIfForgotten(services, context),
  }
}

/**
 * An older database may have forgotten a move that had stopped the app already, and this one ends before its own stop.
 * Harmless where the app runs; one that can't run is no reason not to take the move back.
 */
async function startIfForgotten(services: Services, context: StepContext): Promise<StepResult> {
  const { db, run, log } = context
  const rows = stepsOf(db.read, run.id)
  const isStopTakenBack = rows.some(({ name, status }) => name === 'stop-old-app' && status !== 'pending')
  if (isStopTakenBack || getTenant(db.read, run.tenantId).status === 'suspended') return done()
  const hasLooked = rows.some(({ name, output }) => name === 'check-move' && output !== null)
  const answered = hasLooked && context.output('check-move').answers === true
  if (!answered && !(await doesAnswer(services, oldServerOf(context)))) return done()
  return orGoOn(context, async () => {
    try {
      return await start(services, context, { server: oldServerOf(context) })
    } catch (thrown) {
      if (!(thrown instanceof AtlasError) || thrown.code !== 'conflict') throw thrown
      log(`The app does not start: ${thrown.message}`)
      return done()
    }
  })
}

/** Makes the first host key of the new server, and forgets one that an earlier move may have left. */
export function prepareServer(services: Services): Step {
  return {
    name: 'prepare-server',
    title: 'Make the new server’s first host key',
    again: 'Keeps the key if there is one.',
    takesBack: 'Destroys the key.',
    async run({ run, db }) {
      const tenant = getTenant(db.read, run.tenantId)
      const { privateKey, publicKey } = services.newHostKey()
      return done({}, (tx, nowMs) => {
        destroySecrets(tx, tenant.id, FIRST_HOST_KEY)
        storeSecrets(tx, services, tenant, { [FIRST_HOST_KEY]: privateKey }, nowMs)
        const planned = and(eq(servers.id, String(run.input.serverId)), eq(servers.role, 'next'))
        tx.update(servers).set({ hostKey: publicKey }).where(planned).run()
      })
    },
    undo: async ({ run }) => done({}, (tx) => destroySecrets(tx, run.tenantId, FIRST_HOST_KEY)),
  }
}

/** From here on nothing more is written on the old server. */
export function stopOldApp(services: Services): Step {
  return {
    name: 'stop-old-app',
    title: 'Stop the app on the old server',
    patience: PATIENCE.answer,
    again: 'Stops the app if the old server answers.',
    takesBack: 'Starts the app on the old server again.',
    async run(context) {
      if (context.output('check-move').answers !== true) return done({ stopped: false })
      return orGoOn(context, async () => {
        await stopOld(services, context)
        return done({ stopped: true })
      })
    },
    async undo(context) {
      const { status } = getTenant(context.db.read, context.run.tenantId)
      if (status === 'suspended' || context.output('check-move').answers !== true) return done()
      return orGoOn(context, () => start(services, context, { server: oldServerOf(context) }))
    },
  }
}

async function stopOld(services: Services, context: StepContext): Promise<void> {
  const options = { timeoutMs: STOP_TIMEOUT_MS, onLog: context.log }
  await callAgent(services, context, stopCall(services, context), options)
}

function stopCall({ catalog, settings }: Services, context: StepContext) {
  const tenant = getTenant(context.db.read, context.run.tenantId)
  const holding = {
    title: 'Back in a few minutes',
    message: `${hostnameOf(tenant, settings.tenantDomain)} is moving to another server.`,
  }
  const input = catalog.blueprint(tenant.blueprint).suspension.holdingPage ? { holding } : {}
  return { verb: 'stop' as const, input, summary: {}, server: oldServerOf(context) }
}

/** Copies the data as it is now; the latest backup has to do when the old server is dead. */
export function copyData(services: Services): Step {
  return {
    name: 'copy-data',
    title: 'Back up the old server’s app',
    patience: PATIENCE.answer,
    again: 'Finds the backup if it was made, or makes it.',
    async run(context) {
      const { run, startedAt, now } = context
      const copying = { method: 'app', reason: 'before_move', server: oldServerOf(context) } as const
      if (context.output('check-move').answers !== true) return latest(context)
      if (run.input.backupId) {
        await stopIfMissed(services, context).catch(passSilence)
        const safety = await copyIfPossible(services, context, { ...copying, patienceMs: PATIENCE_MS })
        return safety.kind === 'wait' ? safety : { ...safety, output: { backupId: run.input.backupId } }
      }
      try {
        await stopIfMissed(services, context)
        return await copyTenant(services, context, copying)
      } catch (thrown) {
        if (!isSilence(thrown)) throw thrown
        const waitedMs = now() - startedAt
        if (waitedMs < PATIENCE_MS) return wait(pauseMs(waitedMs), thrown.message)
        return latest(context)
      }
    },
  }
}

/** A server that was silent when its app was to be stopped, and answers again, must not be written to any more. */
async function stopIfMissed(services: Services, context: StepContext): Promise<void> {
  if (context.output('stop-old-app').stopped !== true) await stopOld(services, context)
}

function passSilence(thrown: unknown): void {
  if (!isSilence(thrown)) throw thrown
}

/** Whether whoever asked for the move knows that it may bring older data. */
function acceptsBackup({ input }: StepContext['run']): boolean {
  return Boolean(input.backupId) || input.acceptOlderBackup === true
}

/** A backup that was chosen was asked about then; the latest one may be another than when the move was asked for. */
function requireKnown({ input }: StepContext['run'], latest: BackupRow): void {
  if (!input.backupId) requireAccepted(latest, input.acceptUnverified === true)
}

function wouldLoseData(): AtlasError {
  return conflict(
    'The old server does not answer, and nobody has accepted that a backup takes the place of its data. Retry once it answers; or undo, and ask for the move anew with the backup.',
  )
}

function latest({ db, run, log }: StepContext): StepResult {
  if (!acceptsBackup(run)) throw wouldLoseData()
  const { backupId } = run.input
  const backup = backupId ? getBackup(db.read, String(backupId)) : latestBackup(db.read, run.tenantId, 'app')
  if (!backup)
    throw conflict('The old server does not answer, and there is no backup of the app to move with.')
  requireKnown(run, backup)
  log(`The old server does not answer. The backup of ${new Date(backup.createdAt).toISOString()} is used.`)
  return done({ backupId: backup.id })
}

/** Puts the data on the new server. */
export function bringData(services: Services): Step {
  return {
    name: 'bring-data',
    title: 'Put the data on the new server',
    patience: PATIENCE.answer,
    again: 'Puts the same backup there once more.',
    async run(context) {
      const backup = getBackup(context.db.read, String(context.output('copy-data').backupId))
      return putBack(services, context, backup, serverOfRun(context.db.read, context.run))
    },
  }
}

/** The server that the run leaves. */
export function oldServerOf({ db, run }: Pick<StepContext, 'db' | 'run'>): ServerRow {
  return getServer(db.read, String(run.input.fromServerId))
}

/** What an old server is asked for is done without, once it has not answered for long enough. */
async function orGoOn(context: StepContext, ask: () => Promise<StepResult>): Promise<StepResult> {
  try {
    return await ask()
  } catch (thrown) {
    if (!isSilence(thrown)) throw thrown
    const waitedMs = context.now() - context.startedAt
    if (waitedMs < PATIENCE_MS) return wait(pauseMs(waitedMs), thrown.message)
    context.log(`The old server does not answer: ${thrown.message}`)
    return done({ stopped: false })
  }
}
