import { parseArgs } from 'node:util'
import { SystemClock } from '../clock'
import type { Output } from './blueprint'
import { findPorts, startClouds } from './demo-clouds'
import { demoEnvironment, demoKeys } from './demo-environment'

/**
 * `atlas simulator`: the simulated clouds alone, with the environment that points an Atlas at them printed as JSON
 * in the first line.
 */
export async function simulator(args: string[], io: Output, stop: AbortSignal): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      data: { type: 'string', default: './data/demo' },
      port: { type: 'string' },
      speed: { type: 'string', default: '1' },
    },
  })
  const dir = values.data
  const ports = findPorts(values.port === undefined ? undefined : Number(values.port))
  const keys = demoKeys(dir)
  const clouds = await startClouds({
    dir,
    keys,
    ports,
    clock: new SystemClock(),
    speed: Number(values.speed),
  })
  io.out(JSON.stringify({ ports, environment: demoEnvironment(dir, keys, ports) }))
  await new Promise((resolve) => stop.addEventListener('abort', resolve, { once: true }))
  await clouds.stop()
  return 0
}
