import type { MovableClock } from '../clock'
import { type Address, controlPages } from './control'
import { Faults } from './faults'
import { Front } from './front'
import { HetznerTwin } from './hetzner'
import { SimMachines } from './machines'
import { startFrontDoor } from './machines/front-door'
import { startGateway } from './machines/gateway'
import { mailboxPages } from './mailbox'
import { ResendTwin } from './resend'
import { Route53Twin } from './route53'
import { StripeTwin, type StripeTwinOptions } from './stripe'
import { World } from './world'

export type SimulatorOptions = {
  clock: MovableClock
  /** 1 is realistic. */
  speed?: number
  /** Where the clouds are kept between starts; in memory when absent. */
  file?: string
  /** 0 takes any free port. */
  ports: { clouds: number; tenants: number; gateway: number }
  keys: { stripe: string; hetzner: string; awsAccessKeyId: string; resend: string }
  prices: StripeTwinOptions['prices']
  webhook: { url: string; secret: string }
  zone: { id: string; name: string }
  sshKey: { name: string; publicKey: string }
  /** Further addresses for the control page, such as Atlas's own. */
  addresses?: () => Address[]
}

// Above the largest fleet of a demo, so that customers can still be added to it.
const SERVER_LIMIT = 20_000

/** All the clouds that Atlas talks to, on this machine's loopback. */
export type Simulator = {
  world: World
  front: Front
  stripe: StripeTwin
  hetzner: HetznerTwin
  route53: Route53Twin
  machines: SimMachines
  urls: { clouds: string; tenants: string; gateway: string }
  stop(): Promise<void>
}

/** Starts the simulated clouds and the machines behind them. When one of the ports is taken, nothing stays behind. */
export async function startSimulator(options: SimulatorOptions): Promise<Simulator> {
  await using ends = new AsyncDisposableStack()
  const { clock, speed, file, ports } = options
  const world = new World({ clock, speed, file })
  ends.defer(() => world.close())
  const urls = { clouds: '', tenants: '', gateway: '' }
  const twins = makeTwins(world, options, () => urls.clouds.replace('127.0.0.1', 'localhost'))
  const { stripe, hetzner, route53, resend, machines } = twins
  ends.defer(() => stripe.stop())
  ends.defer(() => hetzner.stop())

  const front: Front = new Front(world, [stripe, hetzner, route53, resend], async (request) => {
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
    controlPages({ world, front, machines, route53, addresses }),
  ]
  ends.defer(() => front.stop())
  urls.clouds = front.listen(ports.clouds)
  const frontDoor = startFrontDoor(machines, (hostname) => route53.resolve(hostname), ports.tenants)
  ends.defer(() => frontDoor.stop())
  const gateway = await startGateway(machines, ports.gateway)
  ends.defer(() => gateway.stop())
  urls.tenants = frontDoor.url
  urls.gateway = gateway.url

  const running = ends.move()
  return { world, front, stripe, hetzner, route53, machines, urls, stop: () => running.disposeAsync() }
}

function makeTwins(
  world: World,
  { keys, zone, prices, webhook, sshKey }: SimulatorOptions,
  publicUrl: () => string,
) {
  const route53 = new Route53Twin(world, { accessKeyId: keys.awsAccessKeyId, zone })
  const resolve = (hostname: string) => route53.resolve(hostname)
  const machines = new SimMachines(world, { faults: new Faults(world), resolve })
  return {
    route53,
    machines,
    resend: new ResendTwin(world, { apiKey: keys.resend }),
    stripe: new StripeTwin(world, { secretKey: keys.stripe, publicUrl, prices, webhook }),
    hetzner: new HetznerTwin(world, {
      token: keys.hetzner,
      sshKeys: [sshKey],
      driver: machines,
      serverLimit: SERVER_LIMIT,
    }),
  }
}
