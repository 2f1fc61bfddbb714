import { requireAccepted } from '../backups/adopt'
import type { BackupRow } from '../backups/backup'
import { AtlasError, conflict } from '../errors'
import { start } from '../provisioning/app'
import { PATIENCE } from '../provisioning/patience'
import { pauseMs } from '../provisioning/pause'
import { done, type Step, type StepContext, type StepResult, wait } from '../runs/recipe'
import { stepsOf } from '../runs/steps'
import type { Services } from '../services'
import { getTenant } from '../tenants/tenant'
import { doesAnswer, lookAtMove } from './move-outlook'
import { oldServerOf, orGoOn } from './old-server'

/** For how long a silent server is asked before the move counts it as dead. */
const LOOK_PATIENCE_MS = 120_000

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

/** Whether whoever asked for the move knows that it may bring older data. */
export function acceptsBackup({ input }: StepContext['run']): boolean {
  return Boolean(input.backupId) || input.acceptOlderBackup === true
}

/** A backup that was chosen was asked about then; the latest one may be another than when the move was asked for. */
export function requireKnown({ input }: StepContext['run'], latest: BackupRow): void {
  if (!input.backupId) requireAccepted(latest, input.acceptUnverified === true)
}

/** Why a move stops that nobody has allowed to bring older data. */
export function wouldLoseData(): AtlasError {
  return conflict(
    'The old server does not answer, and nobody has accepted that a backup takes the place of its data. Retry once it answers; or undo, and ask for the move anew with the backup.',
  )
}
