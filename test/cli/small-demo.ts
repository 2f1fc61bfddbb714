import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Atlas, startAtlas } from '../../src/atlas'
import { findPorts, startClouds } from '../../src/cli/demo-clouds'
import type { Customer } from '../../src/cli/story/scene'
import { SystemClock } from '../../src/clock'
import { ADMIN_EMAIL, demoEnvironment, demoKeys } from '../../src/demo/environment'
import { Log } from '../../src/log'
import type { Simulator } from '../../src/simulator/simulator'

export type SmallDemo = Awaited<ReturnType<typeof startSmallDemo>>

/** Atlas and its clouds in this process, hundreds of times as fast as real ones. */
export async function startSmallDemo(speed = 400) {
  const dir = mkdtempSync(join(tmpdir(), 'atlas-small-'))
  const clock = new SystemClock()
  const ports = findPorts(0)
  const keys = demoKeys(dir)
  const complaints: string[] = []
  const clouds: Simulator = await startClouds({ dir, keys, ports, clock, speed })
  const log = new Log(
    () => clock.now(),
    (line) => complaints.push(line),
  )
  const atlas: Atlas = startAtlas(demoEnvironment(dir, keys, ports), clock, log)
  const { services } = atlas
  const told: [part: string, detail?: string][] = []
  const scene = {
    atlas: services.settings.baseUrl,
    clouds: clouds.urls.clouds,
    tenants: clouds.urls.tenants,
    adminEmail: ADMIN_EMAIL,
    clock,
    tell: (part: string, detail?: string) => told.push([part, detail]),
  }
  return {
    services,
    ports,
    clouds,
    scene,
    told,
    complaints,
    async stop() {
      await atlas.stop()
      await clouds.stop()
      rmSync(dir, { recursive: true })
    },
  }
}

export const ADA: Customer = { subdomain: 'ada-story', email: 'ada@example.com', plan: 'starter' }
