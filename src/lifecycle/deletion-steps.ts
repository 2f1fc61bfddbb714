import { asAtlasError } from '../errors'
import { stopIfOn } from '../provisioning/app'
import { PATIENCE } from '../provisioning/patience'
import { pauseMs } from '../provisioning/pause'
import { done, type Step, wait } from '../runs/recipe'
import type { Services } from '../services'
import { destroySecrets } from '../tenants/secrets'

/** For how long a server that does not answer is asked to stop its app. */
const STOP_PATIENCE_MS = 5 * 60_000

/** Nothing is taken away before the moment that was set. */
export function coolOff(): Step {
  return {
    name: 'cool-off',
    title: 'Wait in case somebody changes their mind',
    patience: { ms: 0, except: 'person' },
    again: 'Waits on, until the moment that was set.',
    async run({ run, now }) {
      const restMs = Number(run.input.deleteAt) - now()
      return restMs > 0 ? wait(restMs, 'Until then the tenant can be brought back.', 'person') : done()
    },
  }
}

/** Before the last copy, which then lacks nothing. An app that does not stop goes with its server anyway. */
export function stopForGood(services: Services): Step {
  return {
    name: 'stop-app',
    title: 'Stop the app',
    patience: PATIENCE.answer,
    again: 'Stops the app if the server still answers.',
    async run(context) {
      try {
        await stopIfOn(services, context)
        return done({ stopped: true })
      } catch (thrown) {
        const { code, message } = asAtlasError(thrown)
        if (code === 'internal') throw thrown
        const waitedMs = context.now() - context.startedAt
        if (code === 'unavailable' && waitedMs < STOP_PATIENCE_MS) return wait(pauseMs(waitedMs), message)
        context.log(`The app was not stopped. ${message}`)
        return done({ stopped: false })
      }
    },
  }
}

/** What was sealed under its own key. */
export function forgetSecrets(): Step {
  return {
    name: 'forget-secrets',
    title: 'Forget its secrets',
    again: 'Forgets what is left of them.',
    run: async ({ run }) => done({}, (tx) => destroySecrets(tx, run.tenantId)),
  }
}
