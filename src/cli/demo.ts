import { rmSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { type Atlas, startAtlas } from '../atlas'
import { SystemClock } from '../clock'
import { asAtlasError } from '../errors'
import { Log } from '../log'
import type { Simulator } from '../simulator/simulator'
import type { Output } from './blueprint'
import { findPorts, startClouds } from './demo-clouds'
import { ADMIN_EMAIL, type DemoPorts, demoEnvironment, demoKeys } from './demo-environment'
import { type Customer, liveStory } from './story'
import { checkStory } from './story-check'

const DATA_DIR = './data/demo'
const TENANTS_MAX = 10_000

type Options = {
  story: boolean
  tenants: number
  speed: number
  fresh: boolean
  json: boolean
  port: number | undefined
  data: string
}

/**
 * `atlas demo`: Atlas and simulated clouds on loopback until `stop` fires; with `--story` the whole story without a
 * browser. 0 when it ended well, 1 when the story did not, 2 when called wrongly.
 */
export async function demo(args: string[], io: Output, stop: AbortSignal): Promise<number> {
  const options = readOptions(args)
  if (typeof options === 'string') {
    io.err(options)
    return 2
  }
  if (options.fresh) rmSync(options.data, { recursive: true, force: true })
  try {
    return await live(options, io, stop)
  } catch (thrown) {
    io.err(asAtlasError(thrown).code === 'internal' ? String(thrown) : asAtlasError(thrown).message)
    return 1
  }
}

async function live(options: Options, io: Output, stop: AbortSignal): Promise<number> {
  const clock = new SystemClock()
  const ports = findPorts(options.port)
  const keys = demoKeys(options.data)
  const clouds = await startClouds({ dir: options.data, keys, ports, clock, speed: options.speed })
  let atlas: Atlas | undefined
  try {
    // What goes wrong shows on the pages; the demo's terminal stays for the addresses and the story.
    const log = new Log(() => clock.now(), options.json || options.story ? () => {} : undefined)
    atlas = startAtlas(demoEnvironment(options.data, keys, ports), clock, log)
    const speak = speaker(options, io, clock)
    if (options.tenants > 0) await growFleet(options.tenants, atlas, clouds, speak)
    announce(ports, options, io)
    if (options.story) return await tellStory(atlas, ports, speak, clock)
    await new Promise((resolve) => stop.addEventListener('abort', resolve, { once: true }))
    return 0
  } finally {
    await atlas?.stop()
    await clouds.stop()
  }
}

async function growFleet(count: number, atlas: Atlas, clouds: Simulator, speak: Speak): Promise<void> {
  const { seedFleet } = await import('./demo-fleet')
  const made = await seedFleet(atlas.services, clouds, count)
  speak(`fleet of ${count} tenants`, made === 0 ? 'all of them are here already' : `${made} made`)
}

async function tellStory(atlas: Atlas, ports: DemoPorts, speak: Speak, clock: SystemClock): Promise<number> {
  const customer = newCustomer(clock.now())
  const scene = {
    atlas: atlas.services.settings.baseUrl,
    clouds: `http://127.0.0.1:${ports.clouds}`,
    tenants: `http://127.0.0.1:${ports.tenants}`,
    adminEmail: ADMIN_EMAIL,
    clock,
    tell: speak,
  }
  try {
    await liveStory(scene, customer)
    const problems = await checkStory(atlas.services.db, scene.clouds, customer)
    for (const problem of problems) speak('NOT RIGHT', problem)
    if (problems.length === 0) speak('exactly one of everything', 'the database and the clouds agree')
    return problems.length === 0 ? 0 : 1
  } catch (thrown) {
    speak(
      'NOT RIGHT',
      asAtlasError(thrown).cause instanceof Error ? String(thrown) : asAtlasError(thrown).message,
    )
    return 1
  }
}

type Speak = (part: string, detail?: string) => void

function speaker({ json }: Options, io: Output, clock: SystemClock): Speak {
  const startedAt = clock.now()
  return (part, detail = '') => {
    const seconds = (clock.now() - startedAt) / 1_000
    if (json) io.out(JSON.stringify({ at_seconds: seconds, part, detail }))
    else io.out(`${seconds.toFixed(1).padStart(7)} s  ${part}${detail ? `  (${detail})` : ''}`)
  }
}

function announce(ports: DemoPorts, { json }: Options, io: Output): void {
  const addresses = {
    shop: `http://localhost:${ports.atlas}/`,
    dashboard: `http://localhost:${ports.atlas}/admin`,
    mailbox: `http://localhost:${ports.clouds}/mailbox`,
    simulator: `http://localhost:${ports.clouds}/`,
  }
  if (json) {
    io.out(JSON.stringify({ ready: true, addresses, admin_email: ADMIN_EMAIL }))
    return
  }
  io.out(`
  The shop        ${addresses.shop}
  The dashboard   ${addresses.dashboard}   (sign in as ${ADMIN_EMAIL})
  The mailbox     ${addresses.mailbox}
  The simulator   ${addresses.simulator}

  Pay with card 4242 4242 4242 4242. Ctrl-C stops everything.
`)
}

function newCustomer(nowMs: number): Customer {
  const subdomain = `ada-${nowMs.toString(36)}`
  return { subdomain, email: `${subdomain}@example.com`, plan: 'starter' }
}

function readOptions(args: string[]): Options | string {
  try {
    const { values } = parseArgs({
      args,
      options: {
        story: { type: 'boolean', default: false },
        tenants: { type: 'string', default: '0' },
        speed: { type: 'string', default: '1' },
        fresh: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        port: { type: 'string' },
        data: { type: 'string', default: DATA_DIR },
      },
    })
    const tenants = Number(values.tenants)
    const speed = Number(values.speed)
    const port = values.port === undefined ? undefined : Number(values.port)
    if (!Number.isInteger(tenants) || tenants < 0 || tenants > TENANTS_MAX) {
      return `--tenants takes a whole number from 0 to ${TENANTS_MAX}.`
    }
    if (!(speed > 0 && speed <= 10_000)) return '--speed takes a number above 0, such as 10.'
    if (port !== undefined && !(Number.isInteger(port) && port >= 0 && port <= 65_532)) {
      return '--port takes a port number; the three after it are used too.'
    }
    return { ...values, tenants, speed, port }
  } catch (thrown) {
    return `${thrown instanceof Error ? thrown.message : thrown}\nTry \`atlas help\`.`
  }
}
