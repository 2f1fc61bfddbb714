import type { MovableClock } from '../clock'
import { type Address, controlPages } from './control'
import type { MachineDriver } from './driver'
import { Faults } from './faults'
import { Front } from './front'
import { HetznerTwin } from './hetzner'
import { SimMachines, type SimMachinesOptions } from './machines'
import type { MachineContext } from './machines/exec'
import { startFrontDoor } from './machines/front-door'
import { startGateway } from './machines/gateway'
import { mailboxPages } from './mailbox'
import { RegistryTwin } from './registry'
import type { Login } from './registry/tokens'
import { ResendTwin } from './resend'
import { Route53Twin } from './route53'
import { type S3Options, S3Twin } from './s3'
import { StripeTwin, type StripeTwinOptions } from './stripe'
import { World } from './world'

export type CloudsOptions = {
  keys: {
    stripe: string
    hetzner: string
    awsAccessKeyId: string
    resend: string
    s3: S3Options
    registry?: Login
  }
  prices: StripeTwinOptions['prices']
  webhook: { url: string; secret: string }
  zone: { id: string; name: string }
  sshKey: { name: string; publicKey: string }
  /** What makes Hetzner's machines instead of the simulated ones. */
  driver?: MachineDriver
  /** How webhooks are sent; the machine's `fetch` when absent. */
  deliver?: StripeTwinOptions['deliver']
  /** How machines reach the storage of backups, and who is told of work outside of the world's clock. */
  outside?: Pick<SimMachinesOptions, 'fetch' | 'during'>
  /** Where a browser reaches Stripe's checkout. */
  publicUrl: () => string
  /** Further addresses for the control page, such as Atlas's own. */
  addresses?: () => Address[]
}

export type SimulatorOptions = Omit<CloudsOptions, 'publicUrl'> & {
  clock: MovableClock
  /** 1 is realistic. */
  speed?: number
  /** Where the clouds are kept between starts; in memory when absent. */
  file?: string
  /** 0 takes any free port. */
  ports: { clouds: number; tenants: number; gateway: number }
}

// Above the largest fleet of a demo, so that customers can still be added to it.
const SERVER_LIMIT = 20_000

/** All the clouds that Atlas talks to, in this process. */
export type Clouds = {
  world: World
  front: Front
  stripe: StripeTwin
  hetzner: HetznerTwin
  route53: Route53Twin
  s3: S3Twin
  registry: RegistryTwin
  machines: SimMachines
  /** Ends timers and closes the world. */
  stop(): void
}

/** The clouds on this machine's loopback. */
export type Simulator = Omit<Clouds, 'stop'> & {
  urls: { clouds: string; tenants: string; gateway: string }
  stop(): Promise<void>
}

/** Starts the simulated clouds and the machines behind them. When one of the ports is taken, nothing stays behind. */
export async function startSimulator(options: SimulatorOptions): Promise<Simulator> {
  await using ends = new AsyncDisposableStack()
  const { clock, speed, file, ports } = options
  const urls = { clouds: '', tenants: '', gateway: '' }
  const publicUrl = () => urls.clouds.replace('127.0.0.1', 'localhost')
  const { stop, ...clouds } = makeClouds(new World({ clock, speed, file }), { ...options, publicUrl })
  ends.defer(stop)
  const { front, machines, route53 } = clouds
  ends.defer(() => front.stop())
  urls.clouds = front.listen(ports.clouds)
  const frontDoor = startFrontDoor(machines.doors, (hostname) => route53.resolve(hostname), ports.tenants)
  ends.defer(() => frontDoor.stop())
  const gateway = await startGateway(machines.doors, ports.gateway)
  ends.defer(() => gateway.stop())
  urls.tenants = frontDoor.url
  urls.gateway = gateway.url

  const running = ends.move()
  return { ...clouds, urls, stop: () => running.disposeAsync() }
}

/** Makes the clouds of a world without a door to the outside: who is in this process asks `front` itself. */
export function makeClouds(world: World, options: CloudsOptions): Clouds {
  const twins = makeTwins(world, options)
  const { stripe, hetzner, route53, resend, s3, registry, machines } = twins
  const front: Front = new Front(world, [stripe, hetzner, route53, resend, s3, registry], async (request) => {
    for (const answer of pages) {
      const response = await answer(request)
      if (response) return response
    }
    return null
  })
  const addresses = () => options.addresses?.() ?? []
  const pages: ((request: Request) => Promise<Response | null>)[] = [
    (request) => stripe.page(request),
    mailboxPages(world),
    controlPages({ world, front, machines, hetzner, route53, stripe, registry, addresses }),
  ]
  const stop = () => {
    hetzner.stop()
    stripe.stop()
    machines.stop()
    world.close()
  }
  return { world, front, stripe, hetzner, route53, s3, registry, machines, stop }
}

function makeTwins(world: World, options: CloudsOptions) {
  const { keys, zone, prices, webhook, sshKey, deliver, publicUrl } = options
  const route53 = new Route53Twin(world, { accessKeyId: keys.awsAccessKeyId, zone })
  const resolve = (hostname: string) => route53.resolve(hostname)
  const registry = new RegistryTwin(world, { login: keys.registry })
  const findImage: MachineContext['findImage'] = (asked) =>
    registry.knows(asked.image) ? registry.pull(asked) : undefined
  const machines = new SimMachines(world, {
    faults: new Faults(world),
    resolve,
    findImage,
    ...options.outside,
  })
  return {
    route53,
    registry,
    machines,
    s3: new S3Twin(world, keys.s3),
    resend: new ResendTwin(world, { apiKey: keys.resend }),
    stripe: new StripeTwin(world, { secretKey: keys.stripe, publicUrl, prices, webhook, deliver }),
    hetzner: new HetznerTwin(world, {
      token: keys.hetzner,
      sshKeys: [sshKey],
      driver: options.driver ?? machines,
      serverLimit: SERVER_LIMIT,
    }),
  }
}
