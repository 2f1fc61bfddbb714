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

/** Starts the simulated clouds and the machines behind them. */
export async function startSimulator(options: SimulatorOptions): Promise<Simulator> {
  const { clock, speed, file, ports, keys } = options
  const world = new World({ clock, speed, file })
  const urls = { clouds: '', tenants: '', gateway: '' }
  const route53 = new Route53Twin(world, { accessKeyId: keys.awsAccessKeyId, zone: options.zone })
  const resolve = (hostname: string) => route53.resolve(hostname)
  const machines = new SimMachines(world, { faults: new Faults(world), resolve })
  const stripe = new StripeTwin(world, {
    secretKey: keys.stripe,
    publicUrl: () => urls.clouds.replace('127.0.0.1', 'localhost'),
    prices: options.prices,
    webhook: options.webhook,
  })
  const hetzner = new HetznerTwin(world, {
    token: keys.hetzner,
    sshKeys: [options.sshKey],
    driver: machines,
    serverLimit: SERVER_LIMIT,
  })
  const twins = [stripe, hetzner, route53, new ResendTwin(world, { apiKey: keys.resend })]
  const pages: ((request: Request) => Promise<Response | null>)[] = []
  const front = new Front(world, twins, async (request) => {
    for (const answer of pages) {
      const response = await answer(request)
      if (response) return response
    }
    return null
  })
  pages.push((request) => stripe.page(request), mailboxPages(world))
  pages.push(controlPages({ world, front, machines, route53, addresses: () => options.addresses?.() ?? [] }))
  urls.clouds = front.listen(ports.clouds)
  const frontDoor = startFrontDoor(machines, resolve, ports.tenants)
  const gateway = await startGateway(machines, ports.gateway)
  urls.tenants = frontDoor.url
  urls.gateway = gateway.url
  return {
    world,
    front,
    stripe,
    hetzner,
    route53,
    machines,
    urls,
    async stop() {
      stripe.stop()
      hetzner.stop()
      await Promise.all([front.stop(), frontDoor.stop(), gateway.stop()])
      world.close()
    },
  }
}
