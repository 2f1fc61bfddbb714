import { startAtlas } from '../atlas'
import { SystemClock } from '../clock'
import { AtlasError, conflict } from '../errors'
import { Log } from '../log'
import type { Output } from './output'
import { stopped } from './stopped'

/** `atlas serve`: runs until `stop` fires. 1 when the configuration, the data folder or the port does not allow it. */
export async function serve(io: Output, stop: AbortSignal): Promise<number> {
  const clock = new SystemClock()
  const log = new Log(() => clock.now())
  try {
    const atlas = startAtlas(process.env, clock, log)
    log.info('atlas is up', { port: atlas.port })
    await stopped(stop)
    await atlas.stop()
    return 0
  } catch (thrown) {
    const error = isPortTaken(thrown) ? conflict('Another program uses PORT. Choose another one.') : thrown
    if (!(error instanceof AtlasError) || error.code === 'internal') throw error
    io.err(error.message)
    return 1
  }
}

function isPortTaken(thrown: unknown): boolean {
  return thrown instanceof Error && 'code' in thrown && thrown.code === 'EADDRINUSE'
}
