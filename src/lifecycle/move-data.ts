import { and, eq } from 'drizzle-orm'
import { getBackup, latestBackup } from '../backups/backup'
import { copyIfPossible, copyTenant } from '../backups/copy'
import { putBack } from '../backups/put-back'
import { servers } from '../db/schema'
import { conflict } from '../errors'
import { callAgent } from '../provisioning/agent'
import { start } from '../provisioning/app'
import { PATIENCE } from '../provisioning/patience'
import { pauseMs } from '../provisioning/pause'
import { FIRST_HOST_KEY } from '../provisioning/prepare'
import { done, type Step, type StepContext, type StepResult, wait } from '../runs/recipe'
import type { Services } from '../services'
import { destroySecrets, storeSecrets } from '../tenants/secrets'
import { getTenant, hostnameOf, serverOfRun } from '../tenants/tenant'
import { acceptsBackup, requireKnown, wouldLoseData } from './check-move'
import { isSilence } from './move-outlook'
import { oldServerOf, orGoOn, PATIENCE_MS } from './old-server'

const STOP_TIMEOUT_MS = 120_000

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
