import { ManualClock } from '../../src/clock'
import { controlPages, type MachineControl, type MachineView } from '../../src/simulator/control'
import { Faults } from '../../src/simulator/faults'
import { Front } from '../../src/simulator/front'
import { HetznerTwin } from '../../src/simulator/hetzner'
import { SimMachines } from '../../src/simulator/machines'
import { RegistryTwin } from '../../src/simulator/registry'
import { ResendTwin } from '../../src/simulator/resend'
import { Route53Twin } from '../../src/simulator/route53'
import { StripeTwin } from '../../src/simulator/stripe'
import { World } from '../../src/simulator/world'

const fronts: Front[] = []

/** The control page with one machine, whose buttons only say that they were pressed. */
export function stage() {
  const machines = machineOnPaper()
  return { ...stageWith(() => machines), list: machines.list() }
}

/** A control page over a world with everything in it, and the machines that `makeMachines` makes, behind a port. */
export function stageWith<T extends MachineControl>(makeMachines: (world: World, faults: Faults) => T) {
  const clock = new ManualClock()
  const world = new World({ clock })
  const route53 = new Route53Twin(world, { accessKeyId: 'AKIA', zone: { id: 'Z1', name: 'tenants.example' } })
  const twins = [route53, new ResendTwin(world, { apiKey: 're_test' })]
  const front: Front = new Front(world, twins, (request) => pages(request))
  const machines = makeMachines(world, front.faults)
  const stripe = stripeIn(world)
  const addresses = () => [{ name: 'Shop', url: 'http://127.0.0.1:3000', purpose: 'where customers buy' }]
  const hetzner = hetznerIn(world)
  const registry = new RegistryTwin(world)
  const pages = controlPages({ world, front, machines, hetzner, route53, stripe, registry, addresses })
  const url = front.listen(0)
  fronts.push(front)
  const ask = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(`${url}${path}`, { redirect: 'manual', ...init })
    return { status: response.status, headers: response.headers, body: await response.text() }
  }
  const post = (path: string, fields: Record<string, string>, headers: Record<string, string> = {}) =>
    ask(path, { method: 'POST', body: new URLSearchParams(fields), headers })
  return { clock, world, front, hetzner, route53, stripe, registry, machines, url, ask, post }
}

/** Closes the ports of every stage. */
export async function stopStages(): Promise<void> {
  await Promise.all(fronts.splice(0).map((front) => front.stop()))
}

function machineOnPaper() {
  const list: MachineView[] = [
    {
      serverId: '7',
      name: 'acme',
      ipv4: '198.18.0.1',
      state: 'running',
      app: { state: 'running', release: 'v1' },
      isFull: false,
    },
  ]
  const change = (serverId: string, seen: Partial<MachineView>) => {
    for (const machine of list) if (machine.serverId === serverId) Object.assign(machine, seen)
  }
  const move = (state: MachineView['state']) => (serverId: string) => change(serverId, { state })
  const moveApp = (state: string) => (serverId: string) => change(serverId, { app: { state, release: 'v1' } })
  return {
    list: () => list,
    ...{ kill: move('off'), pause: move('paused'), resume: move('running') },
    ...{ stopApp: moveApp('stopped'), startApp: moveApp('running'), emptyApp: moveApp('empty') },
    setFull: (serverId: string, isFull: boolean) => change(serverId, { isFull }),
    changeHostKey: moveApp('renamed'),
  }
}

function stripeIn(world: World): StripeTwin {
  return new StripeTwin(world, {
    secretKey: 'sk_test_atlas',
    publicUrl: () => 'http://127.0.0.1',
    prices: [{ id: 'price_1', amount: 2900, currency: 'usd', interval: 'month', productName: 'Starter' }],
    webhook: { url: 'http://127.0.0.1:9/', secret: 'whsec_atlas' },
    deliver: async () => new Response(),
  })
}

function hetznerIn(world: World): HetznerTwin {
  const driver = new SimMachines(world, { faults: new Faults(world), resolve: () => undefined })
  return new HetznerTwin(world, { token: 'token', sshKeys: [], driver })
}
