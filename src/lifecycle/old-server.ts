import { pauseMs } from '../provisioning/pause'
import { done, type StepContext, type StepResult, wait } from '../runs/recipe'
import { getServer, type ServerRow } from '../tenants/tenant'
import { isSilence } from './move-outlook'

/** For how long an old server that has stopped answering is asked again. */
export const PATIENCE_MS = 180_000

/** The server that the run leaves. */
export function oldServerOf({ db, run }: Pick<StepContext, 'db' | 'run'>): ServerRow {
  return getServer(db.read, String(run.input.fromServerId))
}

/** What an old server is asked for is done without, once it has not answered for long enough. */
export async function orGoOn(context: StepContext, ask: () => Promise<StepResult>): Promise<StepResult> {
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
