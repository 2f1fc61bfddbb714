import { startAtlas } from '../atlas'
import { SystemClock } from '../clock'
import { ADMIN_EMAIL, type DemoPorts, demoEnvironment, demoKeys } from '../demo/environment'
import { Log } from '../log'
import type { Services } from '../services'
import type { Simulator } from '../simulator/simulator'
import { findPorts, startClouds } from './demo-clouds'
import { holdFolder } from './demo-folder'
import { CalledWrongly, type DemoOptions, readDemoOptions } from './demo-options'
import { tellStory } from './demo-story'
import type { Output } from './output'
import { stopped } from './stopped'
import { Voice } from './voice'

const PROGRESS_EVERY = 400

/**
 * `atlas demo`: Atlas and simulated clouds on loopback until `stop` fires; with `--story` the whole story without a
 * browser. 0 when it ended well or was stopped, 1 when something was not right, 2 when called wrongly.
 */
export async function demo(args: string[], io: Output, stop: AbortSignal): Promise<number> {
  const clock = new SystemClock()
  // With a clock that nobody moves: what a story says took as long as it says.
  const voice = new Voice(io, args.includes('--json'), new SystemClock())
  try {
    return await live(readDemoOptions(args), voice, clock, stop)
  } catch (thrown) {
    voice.fail(thrown)
    return thrown instanceof CalledWrongly ? 2 : 1
  }
}

async function live(
  options: DemoOptions,
  voice: Voice,
  clock: SystemClock,
  stop: AbortSignal,
): Promise<number> {
  const dir = options.data
  await using ends = new AsyncDisposableStack()
  ends.defer(holdFolder(dir, options.fresh))
  const ports = findPorts(options.port)
  const keys = demoKeys(dir)
  const clouds = await startClouds({ dir, keys, ports, clock, speed: options.speed })
  ends.defer(() => clouds.stop())
  // What goes wrong shows on the pages; where a program reads along, its lines stay those of the demo.
  const log = new Log(() => clock.now(), options.json || options.story ? () => {} : undefined)
  const atlas = startAtlas(demoEnvironment(dir, keys, ports), clock, log)
  ends.defer(() => atlas.stop())

  if (options.tenants > 0) await growFleet(options.tenants, atlas.services, clouds, voice, stop)
  voice.announce(addressesOf(ports), ADMIN_EMAIL)
  // Awaited here, or everything would end before the story has begun.
  if (options.story) return await tellStory(atlas.services, ports, options.story, voice, stop)
  await stopped(stop)
  return 0
}

async function growFleet(
  count: number,
  services: Services,
  clouds: Simulator,
  voice: Voice,
  stop: AbortSignal,
): Promise<void> {
  const { seedFleet } = await import('./demo-fleet')
  const onProgress = (made: number, missing: number) => {
    if (made < missing && made % PROGRESS_EVERY === 0)
      voice.tell('fleet', `${made} of ${missing} tenants made`)
  }
  const made = await seedFleet(services, clouds, count, { onProgress, stop })
  voice.tell('fleet', made === 0 ? `${count} tenants are live already` : `${made} tenants made`)
}

function addressesOf(ports: DemoPorts) {
  return {
    shop: `http://localhost:${ports.atlas}/`,
    dashboard: `http://localhost:${ports.atlas}/admin`,
    mailbox: `http://localhost:${ports.clouds}/mailbox`,
    simulator: `http://localhost:${ports.clouds}/`,
  }
}
