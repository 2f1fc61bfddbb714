import type { Fault } from '../faults'
import type { Front } from '../front'
import type { ActionRow } from '../hetzner/actions'
import type { PrimaryIpRow } from '../hetzner/addresses'
import type { ServerRow, SnapshotRow, VolumeRow } from '../hetzner/project'
import type { StoredMail } from '../resend'
import type { StoredObject } from '../s3'
import type { Subscription } from '../stripe/billing'
import type { Decline } from '../stripe/declines'
import type { Delivery, Disorder } from '../stripe/deliveries'
import type { Customer } from '../stripe/objects'
import type { Exchange } from '../twin'
import type { World } from '../world'
import type { DriftControl } from './drift'
import type { ImageControl } from './images'
import type { MachineControl, MachineView } from './machines'
import type { MoneyControl } from './money'

/** Somewhere that a part of the demo listens. */
export type Address = { name: string; url: string; purpose: string }

export type ControlOptions = DriftControl &
  ImageControl & {
    front: Pick<Front, 'faults' | 'journal'>
    machines: MachineControl
    stripe: MoneyControl
    /** What runs where; asked each time, as ports may be known late. */
    addresses: () => Address[]
  }

export type ControlState = ReturnType<typeof readState>

const CALLS_SHOWN = 100

/** Everything that the simulated clouds hold, at one glance; plain JSON. */
export function readState({ world, front, machines, route53, registry, addresses }: ControlOptions) {
  return {
    now: new Date(world.now()).toISOString(),
    speed: world.speed,
    addresses: addresses(),
    servers: readServers(world, machines.list()),
    records: route53.recordSets().filter(({ type }) => type !== 'NS' && type !== 'SOA'),
    subscriptions: readSubscriptions(world),
    ...readGoods(world),
    published: registry.list(),
    mails: world.table<StoredMail>('resend_email').all().length,
    webhooks: {
      waiting: world.table<Delivery>('stripe_deliveries').all().length,
      disorder: readDisorder(world),
    },
    faults: front.faults.list() as Fault[],
    calls: front.journal.slice(-CALLS_SHOWN).reverse().map(withoutHeaders),
  }
}

// The headers hold the keys that a call was made with; everything else is worth reading.
function withoutHeaders({ requestHeaders: _, responseHeaders: __, ...call }: Exchange) {
  return call
}

/** Shuffles Stripe's webhooks from now on: late, out of order, some twice; `false` ends it. */
export function setDisorder(world: World, isOn: boolean): void {
  const settings = world.table<Disorder & { id: string }>('stripe_settings')
  if (isOn) settings.put({ id: 'disorder', spreadMs: world.lasts(DISORDER_SPREAD_MS), duplicateShare: 0.3 })
  else settings.delete('disorder')
}

const DISORDER_SPREAD_MS = 30_000

function readDisorder(world: World): boolean {
  return world.table<Disorder & { id: string }>('stripe_settings').get('disorder') !== undefined
}

function readServers(world: World, machines: MachineView[]) {
  const open = world
    .table<ActionRow>('hetzner_action')
    .all()
    .filter((action) => !action.settled)
  const machineOf = new Map(machines.map((machine) => [machine.serverId, machine]))
  return world
    .table<ServerRow>('hetzner_server')
    .all()
    .map((server) => {
      const running = open.filter((action) => action.serverId === server.id)
      return {
        id: server.id,
        name: server.name,
        labels: server.labels,
        type: server.serverType,
        location: server.location,
        status: server.status,
        actions: running.map((action) => ({
          command: action.command,
          progress: progressOf(action, world.now()),
        })),
        machine: machineOf.get(server.id) ?? null,
      }
    })
}

/** What is kept besides servers, without what is in it. */
function readGoods(world: World) {
  const all = <T extends { id: string }>(kind: string) => world.table<T>(kind).all()
  return {
    primaryIps: all<PrimaryIpRow>('hetzner_primary_ip').map(({ id, ip, serverId }) => ({ id, ip, serverId })),
    images: all<SnapshotRow>('hetzner_snapshot').map(({ id, type, description, labels, serverId }) => {
      return { id, type, description, labels, serverId }
    }),
    volumes: all<VolumeRow>('hetzner_volume').map(({ id, name, labels }) => ({ id, name, labels })),
    objects: all<StoredObject>('s3_objects').map(({ key, sizeBytes }) => ({ key, sizeBytes })),
  }
}

function progressOf({ beginsAt, finishesAt }: ActionRow, now: number): number {
  if (finishesAt <= beginsAt) return 100
  return Math.round(Math.min(1, Math.max(0, (now - beginsAt) / (finishesAt - beginsAt))) * 100)
}

function readSubscriptions(world: World) {
  const customers = world.table<Customer>('stripe_customers')
  const declines = world.table<Decline>('stripe_declines')
  return world
    .table<Subscription>('stripe_subscriptions')
    .all()
    .map((subscription) => ({
      id: subscription.id,
      status: subscription.status,
      customer: customers.get(subscription.customer)?.email ?? subscription.customer,
      price: subscription.items.data[0]?.price.id ?? '',
      cardDeclines: declines.get(subscription.customer) !== undefined,
    }))
}
