import { join } from 'node:path'
import type { MovableClock } from '../clock'
import { CLOUD_KEYS, type DemoKeys, type DemoPorts, SSH_KEY_NAME, ZONE_ID } from '../demo/environment'
import { demoImages, demoPrices } from '../demo/goods'
import { conflict } from '../errors'
import type { Simulator } from '../simulator/simulator'

export type CloudsOptions = {
  dir: string
  keys: DemoKeys
  ports: DemoPorts
  clock: MovableClock
  speed: number
}

/** Starts the simulated clouds of a demo; their world is kept in its folder. */
export async function startClouds({ dir, keys, ports, clock, speed }: CloudsOptions): Promise<Simulator> {
  const { startSimulator } = await import('../simulator/simulator')
  const atlas = `http://localhost:${ports.atlas}`
  const clouds = await startSimulator({
    clock,
    speed,
    file: join(dir, 'clouds.db'),
    ports,
    keys: CLOUD_KEYS,
    prices: demoPrices(),
    webhook: { url: `http://127.0.0.1:${ports.atlas}/api/stripe/webhook`, secret: keys.webhookSecret },
    zone: { id: ZONE_ID, name: 'localhost' },
    sshKey: { name: SSH_KEY_NAME, publicKey: keys.sshPublicKey },
    addresses: () => [
      { name: 'Shop', url: `${atlas}/`, purpose: 'what a customer sees' },
      { name: 'Dashboard', url: `${atlas}/admin`, purpose: 'what the operator sees' },
      {
        name: 'Mailbox',
        url: `http://localhost:${ports.clouds}/mailbox`,
        purpose: 'every mail that was sent',
      },
    ],
  })
  publishImages(clouds)
  return clouds
}

/** What a demo's registry has from the beginning; what somebody has published since stays as it is. */
function publishImages({ registry }: Simulator): void {
  const known = new Set(registry.list().map(({ image }) => image))
  for (const image of demoImages()) {
    if (!known.has(`${image.repository}:${image.tag}`)) registry.publish(image)
  }
}

const BASE_PORT = 4100
const BASES_TRIED = 20

/**
 * Four ports in a row, free on this machine: from `base` exactly, or from 4100 on when it is undefined. 0 takes any.
 * Throws `conflict` when they are taken.
 */
export function findPorts(base: number | undefined): DemoPorts {
  if (base === 0) return anyPorts()
  const bases = base ? [base] : Array.from({ length: BASES_TRIED }, (_, i) => BASE_PORT + 10 * i)
  const free = bases.find((first) => takenFrom(first).length === 0)
  if (free !== undefined) return { atlas: free, clouds: free + 1, tenants: free + 2, gateway: free + 3 }
  const first = base ?? BASE_PORT
  const taken = takenFrom(first).join(', ')
  throw conflict(
    `The demo needs the ports ${first} to ${first + 3}, and another program uses ${taken}. Choose others with --port.`,
  )
}

function takenFrom(first: number): number[] {
  return [0, 1, 2, 3].map((i) => first + i).filter((port) => !isFree(port))
}

function anyPorts(): DemoPorts {
  const held = [0, 0, 0, 0].map(() => Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } }))
  const [atlas = 0, clouds = 0, tenants = 0, gateway = 0] = held.map(({ port }) => port)
  for (const listener of held) listener.stop(true)
  return { atlas, clouds, tenants, gateway }
}

function isFree(port: number): boolean {
  try {
    Bun.listen({ hostname: '127.0.0.1', port, socket: { data() {} } }).stop(true)
    return true
  } catch {
    return false
  }
}
