import type { MachineDriver } from '../driver'
import type { Table, World } from '../world'
import { type ActionPlan, type ActionRow, Actions } from './actions'
import { Addresses, type PrimaryIpRow } from './addresses'
import { Refusal } from './answers'
import { DailyBackups } from './backups'

export type ServerStatus =
  | 'initializing'
  | 'starting'
  | 'running'
  | 'stopping'
  | 'off'
  | 'deleting'
  | 'migrating'
  | 'rebuilding'

export type ServerRow = {
  id: string
  name: string
  status: ServerStatus
  createdAt: number
  serverType: string
  location: string
  imageId: string
  /** Hetzner's own image that its disk once began as. */
  systemImageId: string
  diskGb: number
  labels: Record<string, string>
  userData: string
  sshKeyIds: string[]
  firewallIds: string[]
  /** Ids of its primary IPs. */
  ipv4Id: string | null
  ipv6Id: string | null
  backupWindow: string | null
  /** When the last of the daily backups was due, or they were turned on. */
  backedUpAt: number
  /** Whether its operating system takes no notice of a shutdown, as one that hangs. */
  deaf: boolean
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
  systemImageId: string
  diskGb: number
  labels: Record<string, string>
  createdAt: number
  ready: boolean
  protected: boolean
  /** What was on the machine's disk, in the driver's words. */
  disk: string
}

export type VolumeRow = {
  id: string
  name: string
  sizeGb: number
  location: string
  serverId: string | null
  labels: Record<string, string>
  protected: boolean
  createdAt: number
}

/** How much the project may have. */
export type Limits = { servers: number; primaryIps: number }

/** What lists show. */
type Listed = {
  servers: ServerRow[]
  firewalls: FirewallRow[]
  snapshots: SnapshotRow[]
  volumes: VolumeRow[]
  primaryIps: PrimaryIpRow[]
  addressOf: (id: string | null) => PrimaryIpRow | undefined
}

/** One Hetzner project: everything that its token can see. */
export class Project {
  readonly servers: Table<ServerRow>
  readonly sshKeys: Table<SshKeyRow>
  readonly firewalls: Table<FirewallRow>
  readonly snapshots: Table<SnapshotRow>
  readonly volumes: Table<VolumeRow>
  readonly addresses: Addresses
  readonly actions: Actions
  readonly backups: DailyBackups
  private past: (Listed & { untilMs: number }) | null = null
  private beforeChange: (Listed & { atMs: number }) | null = null

  constructor(
    readonly world: World,
    readonly driver: MachineDriver,
    readonly limits: Limits,
    finish: (project: Project, action: ActionRow) => void,
  ) {
    this.servers = world.table('hetzner_server')
    this.sshKeys = world.table('hetzner_ssh_key')
    this.firewalls = world.table('hetzner_firewall')
    this.snapshots = world.table('hetzner_snapshot')
    this.volumes = world.table('hetzner_volume')
    this.addresses = new Addresses(world)
    this.actions = new Actions(world, (action) => finish(this, action))
    this.backups = new DailyBackups(this)
  }

  nextId(noun: string, first: number): string {
    return String(this.world.nextNumber(`hetzner_${noun}`, first))
  }

  /** What lists show: the present, or the past while they lag. */
  get listed(): Listed {
    if (this.past && this.world.now() < this.past.untilMs) return this.past
    this.past = null
    return this.present()
  }

  /** Remembers what lists show, because a request is about to change it. */
  rememberLists(): void {
    this.beforeChange = { ...this.frozen(), atMs: this.world.now() }
  }

  /** Lets lists show for `ms` what they did before the latest request that changed something, if it is that young. */
  lag(ms: number): void {
    const now = this.world.now()
    const { beforeChange } = this
    const past = beforeChange && now - beforeChange.atMs <= ms ? beforeChange : this.frozen()
    this.past = { ...past, untilMs: now + ms }
  }

  private frozen(): Listed {
    const present = this.present()
    let byId: Map<string, PrimaryIpRow> | undefined
    const addressOf = (id: string | null) => {
      byId ??= new Map(present.primaryIps.map((row) => [row.id, row]))
      return byId.get(id ?? '')
    }
    return { ...present, addressOf }
  }

  private present(): Listed {
    return {
      servers: this.servers.all(),
      firewalls: this.firewalls.all(),
      snapshots: this.snapshots.all(),
      volumes: this.volumes.all(),
      primaryIps: this.addresses.all(),
      addressOf: (id) => this.addresses.get(id),
    }
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
