import { startAtlas } from '../atlas'
import { SystemClock } from '../clock'
import { AtlasError } from '../errors'
import { Log } from '../log'
import type { Output } from './blueprint'

/** `atlas serve`: runs until `stop` fires. 1 when the configuration or the data folder does not allow it. */
export async function serve(io: Output, stop: AbortSignal): Promise<number> {
  const clock = new SystemClock()
  const log = new Log(() => clock.now())
  try {
    const atlas = startAtlas(process.env, clock, log)
    log.info('atlas is up', { port: atlas.port })
    await new Promise((resolve) => stop.addEventListener('abort', resolve, { once: true }))
    await atlas.stop()
    return 0
  } catch (thrown) {
    if (!(thrown instanceof AtlasError) || thrown.code === 'internal') throw thrown
    io.err(thrown.message)
    return 1
  }
}
