import { copyIfPossible } from '../backups/copy'
import { asAtlasError } from '../errors'
import { stop } from '../provisioning/app'
import { PATIENCE } from '../provisioning/patience'
import { done, type Step, type StepContext } from '../runs/recipe'
import { stepsOf } from '../runs/steps'
import type { Services } from '../services'

/** For how long a server that never answers is asked for a copy: it must not keep its tenant for ever. */
const PATIENCE_MS = 15 * 60_000
const COPYING = { reason: 'before_deletion', patienceMs: PATIENCE_MS } as const

/**
 * An image of the server's whole disk, before the cool-off: whatever happens in it, there is this. A cloud that
 * refuses to make one stops the deletion, which can then be asked for without it.
 */
export function finalImage(services: Services): Step {
  const copying = { ...COPYING, method: 'image', refusalStops: true } as const
  return {
    name: 'final-image',
    title: 'Make a last image of the disk',
    patience: PATIENCE.disk,
    again: 'Finds the image if it was made, or makes it.',
    run: async (context) =>
      context.run.input.withImage === false
        ? done({ skipped: 'It was not wanted.' })
        : copyIfPossible(services, context, copying),
  }
}

/**
 * A copy of what the app holds, when the cool-off is over and it was stopped: what was written until then is in there
 * too. The image has nearly everything as well, so an app that can't be copied any more keeps nobody.
 */
export function finalBackup(services: Services): Step {
  const copying = { ...COPYING, method: 'app' } as const
  return {
    name: 'final-backup',
    title: 'Make a last backup of the app',
    patience: PATIENCE.answer,
    again: 'Finds the backup if it was made, or makes it; without one it goes on and says so.',
    async run(context) {
      // A server that answers again only now would go on writing what the copy lacks.
      if (wasMissed(context)) await stop(services, context).catch(passUnlessInternal)
      return copyIfPossible(services, context, copying)
    },
  }
}

/** Whether the app could not be stopped before; a run of an earlier Atlas may not have come to that. */
function wasMissed({ db, run }: StepContext): boolean {
  const before = stepsOf(db.read, run.id).find(({ name }) => name === 'stop-app')
  return before?.output === JSON.stringify({ stopped: false })
}

function passUnlessInternal(thrown: unknown): void {
  if (asAtlasError(thrown).code === 'internal') throw thrown
}
