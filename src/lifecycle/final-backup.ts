import { type BackupMethod, failBackups, missingFor } from '../backups/backup'
import { copyTenant } from '../backups/copy'
import { type AtlasError, asAtlasError } from '../errors'
import { pauseMs } from '../provisioning/pause'
import { done, type Step, type StepContext, type StepResult, wait } from '../runs/recipe'
import type { Services } from '../services'
import { getTenant, serverOf } from '../tenants/tenant'

/** For how long a server that never answers is asked for a copy: it must not keep its tenant for ever. */
const PATIENCE_MS = 15 * 60_000

/** An image of the server's whole disk, before the cool-off: whatever happens in it, there is this. */
export function finalImage(services: Services): Step {
  return {
    name: 'final-image',
    title: 'Make a last image of the disk',
    again: 'Finds the image if it was made, or makes it.',
    async run(context) {
      if (context.run.input.withImage === false) return done({ skipped: 'It was not wanted.' })
      return lastCopy(services, context, 'image', ({ code }) => code === 'not_found')
    },
  }
}

/** A copy of what the app holds, when the cool-off is over: what was written in it is in there too. */
export function finalBackup(services: Services): Step {
  return {
    name: 'final-backup',
    title: 'Make a last backup of the app',
    again: 'Finds the backup if it was made, or makes it; without one it goes on and says so.',
    // The image has nearly everything too, so an app that can't be copied any more keeps nobody.
    run: (context) => lastCopy(services, context, 'app', () => true),
  }
}

async function lastCopy(
  services: Services,
  context: StepContext,
  method: BackupMethod,
  mayLack: (error: AtlasError) => boolean,
): Promise<StepResult> {
  const { run, db, startedAt, now } = context
  const tenant = getTenant(db.read, run.tenantId)
  const missing = missingFor(services, tenant, serverOf(db.read, run.tenantId), method)
  if (missing) return goOn(context, missing)
  try {
    return await copyTenant(services, context, { method, reason: 'before_deletion' })
  } catch (thrown) {
    const error = asAtlasError(thrown)
    if (error.code === 'internal') throw thrown
    const waitedMs = now() - startedAt
    if (error.code === 'unavailable' && waitedMs < PATIENCE_MS) {
      return wait(Math.max(pauseMs(waitedMs), error.retryAfterMs ?? 0), error.message)
    }
    if (error.code !== 'unavailable' && !mayLack(error)) throw thrown
    return goOn(context, error.message)
  }
}

/** The deletion goes on without this copy, and says so. */
function goOn({ run, log }: StepContext, why: string): StepResult {
  log(`There is no such copy. ${why}`)
  return done({ skipped: why }, (tx, nowMs) => failBackups(tx, run.id, why, nowMs))
}
