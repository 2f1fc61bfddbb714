import type { MachineDriver } from '../driver'
import type { Table, World } from '../world'
import { type ActionPlan, type ActionRow, Actions } from './actions'
import { Addresses } from './addresses'
import { Refusal } from './answers'

export type ServerStatus =
  | 'initializing'
  | 'starting'
  | 'running'
  | 'stopping'
  | 'off'
  | 'deleting'
  | 'migrating'

export type ServerRow = {
  id: string
  name: string
  status: ServerStatus
  createdAt: number
  serverType: string
  location: string
  imageId: string
  diskGb: number
  labels: Record<string, string>
  userData: string
  sshKeyIds: string[]
  firewallIds: string[]
  /** Ids of its primary IPs. */
  ipv4Id: string | null
  ipv6Id: string | null
  backupWindow: string | null
  /** Whether the driver has a machine for it: made at the first start. */
  hasMachine: boolean
}

export type SshKeyRow = {
  id: string
  name: string
  publicKey: string
  fingerprint: string
  labels: Record<string, string>
  createdAt: number
}

export type FirewallRule = {
  direction: 'in' | 'out'
  protocol: string
  port: string | null
  source_ips: string[]
  destination_ips: string[]
  description: string | null
}

export type FirewallRow = {
  id: string
  name: string
  labels: Record<string, string>
  rules: FirewallRule[]
  /** Label selectors it is applied to, besides the servers that name it themselves. */
  selectors: string[]
  createdAt: number
}

export type SnapshotRow = {
  id: string
  type: 'snapshot' | 'backup'
  description: string
  serverId: string
  serverName: string
  fromImageId: string
  diskGb: number
  labels: Record<string, string>
  createdAt: number
  ready: boolean
}

/** One Hetzner project: everything that its token can see. */
export class Project {
  readonly servers: Table<ServerRow>
  readonly sshKeys: Table<SshKeyRow>
  readonly firewalls: Table<FirewallRow>
  readonly snapshots: Table<SnapshotRow>
  readonly addresses: Addresses
  readonly actions: Actions

  constructor(
    readonly world: World,
    readonly driver: MachineDriver,
    readonly serverLimit: number,
    finish: (project: Project, action: ActionRow) => void,
  ) {
    this.servers = world.table('hetzner_server')
    this.sshKeys = world.table('hetzner_ssh_key')
    this.firewalls = world.table('hetzner_firewall')
    this.snapshots = world.table('hetzner_snapshot')
    this.addresses = new Addresses(world)
    this.actions = new Actions(world, (action) => finish(this, action))
  }

  nextId(noun: string, first: number): string {
    return String(this.world.nextNumber(`hetzner_${noun}`, first))
  }

  /** Starts an action on a server and locks it until the end. Throws `locked` when another one runs. */
  begin(server: ServerRow, plan: Omit<ActionPlan, 'serverId' | 'resources'>): ActionRow {
    if (this.actions.isLocked(server.id)) {
      throw new Refusal('locked', 'cannot perform operation because server is locked')
    }
    return this.beginQueued(server, plan)
  }

  /** Starts an action that waits behind the one that runs, as a new server's start does. */
  beginQueued(server: ServerRow, plan: Omit<ActionPlan, 'serverId' | 'resources'>): ActionRow {
    const resources = [{ id: Number(server.id), type: 'server' }]
    return this.actions.begin({ statusBefore: server.status, ...plan, serverId: server.id, resources })
  }
}
