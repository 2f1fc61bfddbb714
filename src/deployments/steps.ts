import { copyTenant } from '../backups/copy'
import { asAtlasError, conflict } from '../errors'
import { askAgent } from '../provisioning/agent'
import { updateAgent } from '../provisioning/agent-update'
import { PATIENCE } from '../provisioning/patience'
import { pauseMs } from '../provisioning/pause'
import { wantsBackup } from '../releases/lineage'
import { done, type Step, wait } from '../runs/recipe'
import type { Services } from '../services'
import { serverOf } from '../tenants/tenant'
import { deploy, thenStopAgain } from './ask'
import { STEPS } from './failure'
import { digestIn } from './outside'
import { noReturnOf, passedBy, workOf } from './work'

const REACH_PATIENCE_MS = 60_000

/** A server that can't be reached now is left alone, before anything is asked of it. */
export function checkServer(services: Services): Step {
  return {
    name: STEPS.reach,
    title: 'See that the server answers',
    patience: PATIENCE.answer,
    again: 'Looks again, and brings its agent up to date unless it is.',
    async run(context) {
      const { run, db, startedAt, now } = context
      const command = { verb: 'status' as const, commandId: `${run.id}-status`, input: {} }
      try {
        const { result } = await askAgent(services, serverOf(db.read, run.tenantId), command)
        if (result.ready !== true) throw conflict('The server is still being set up.')
        await updateAgent(services, context, result)
        return done({ digest: digestIn(result) })
      } catch (thrown) {
        const error = asAtlasError(thrown)
        if (error.code !== 'unavailable') throw thrown
        const waitedMs = now() - startedAt
        if (waitedMs < REACH_PATIENCE_MS) return wait(pauseMs(waitedMs, { min: 2_000 }), error.message)
        throw conflict(`Nothing was changed: ${error.message}`)
      }
    },
  }
}

/** A copy of each tenant before a release that asks for it. */
export function backUpBefore(services: Services): Step {
  return {
    name: STEPS.backUp,
    title: 'Back up what is there now',
    patience: PATIENCE.disk,
    again: 'Finds the backup if it was made, or makes it.',
    async run(context) {
      if (!wantsBackup(passedBy(context.db.read, workOf(context))))
        return done({ skipped: 'The release does not ask for it.' })
      return copyTenant(services, context, { method: 'app', reason: 'before_deploy' })
    },
  }
}

/** Has the agent bring the tenant to the release; when that fails the agent goes back by itself if it can. */
export function deployRelease(services: Services): Step {
  return {
    name: STEPS.deploy,
    title: 'Pull, migrate, switch over',
    again: 'Joins the deploy that is going on, or learns how it ended; after a failure it begins another.',
    takesBack: 'Deploys the former release.',
    async run(context) {
      const { result } = await thenStopAgain(services, context, deploy(services, context, 'there'))
      return done({ release: result.release, digest: result.digest ?? null })
    },
    async undo(context) {
      // Only one that the server has not begun is ever taken back then.
      if (noReturnOf(context.db.read, workOf(context))) return done({ skipped: 'Nothing was changed.' })
      await thenStopAgain(services, context, deploy(services, context, 'back'))
      return done()
    },
  }
}
