import { SystemClock } from '../clock'
import { demoEnvironment, demoKeys } from '../demo/environment'
import { asAtlasError } from '../errors'
import { findPorts, startClouds } from './demo-clouds'
import { holdFolder } from './demo-folder'
import { CalledWrongly, readCloudOptions } from './demo-options'
import type { Output } from './output'
import { stopped } from './stopped'

/**
 * `atlas simulator`: the simulated clouds alone, with the environment that points an Atlas at them printed as JSON
 * in the first line. 1 when it could not start, 2 when called wrongly.
 */
export async function simulator(args: string[], io: Output, stop: AbortSignal): Promise<number> {
  try {
    await using ends = new AsyncDisposableStack()
    const { data: dir, port, speed } = readCloudOptions(args)
    ends.defer(holdFolder(dir, false))
    const ports = findPorts(port)
    const keys = demoKeys(dir)
    const clouds = await startClouds({ dir, keys, ports, clock: new SystemClock(), speed })
    ends.defer(() => clouds.stop())
    io.out(JSON.stringify({ ports, environment: demoEnvironment(dir, keys, ports) }))
    await stopped(stop)
    return 0
  } catch (thrown) {
    const { code, message } = asAtlasError(thrown)
    io.err(code === 'internal' && thrown instanceof Error ? thrown.message : message)
    return thrown instanceof CalledWrongly ? 2 : 1
  }
}
