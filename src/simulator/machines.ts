import type { MachineDriver, MachineSpec } from './driver'
import type { Faults } from './faults'
import { createdMachine, diskOf, rebuilt } from './machines/disk'
import { Doors, type MachineEvent } from './machines/doors'
import { awake, type MachineContext, machinesOf } from './machines/exec'
import { newHostKey } from './machines/host-key'
import { LiveConnections } from './machines/live'
import { type AppStatus, appStatus, type Data, type Machine, settled, stateOf } from './machines/machine'
import { imageOf, type MachineModel, type PastMachine, pastMachine } from './machines/past-machine'
import { poweredOff, poweredOn } from './machines/power'
import { Transfers } from './machines/transfers'
import type { World } from './world'

export type SimMachinesOptions = {
  faults: Faults
  /** The address that a host name has in the simulated DNS. */
  resolve: (hostname: string) => string | undefined
  /** How machines reach the storage of backups; the machine's `fetch` when absent. */
  fetch?: (request: Request) => Promise<Response>
  /** What the registry has for machines; without it nothing is known of any image. */
  findImage?: MachineContext['findImage']
  /** Told of work that is outside of the world's clock: encryption, and calls to the storage. */
  during?: <T>(work: Promise<T>) => Promise<T>
}

/** One machine as the control page lists it. */
export type MachineSummary = {
  serverId: string
  name: string
  ipv4: string
  state: ReturnType<typeof stateOf>
  app: AppStatus
  isFull: boolean
}

/** The tenants' simulated servers: they boot, obey their user-data, speak SSH and serve the app. */
export class SimMachines implements MachineDriver {
  /** How the outside reaches them. */
  readonly doors: Doors
  private readonly idByAddress = new Map<string, string>()
  private readonly live = new LiveConnections()
  private readonly context: MachineContext

  constructor(
    readonly world: World,
    { faults, resolve, findImage, fetch: send = freshly, during = (work) => work }: SimMachinesOptions,
  ) {
    const transfers = new Transfers({
      world,
      fetch: send,
      during,
      awake: (machineId) => awake(machineId, this.context),
    })
    this.context = { world, faults, live: this.live, transfers, findImage }
    const machineAt = (ipv4: string) => this.table.get(this.idByAddress.get(ipv4) ?? '')
    this.doors = new Doors(this.context, { machineAt, resolve })
    for (const { ipv4, id } of this.table.all()) this.idByAddress.set(ipv4, id)
  }

  private get table() {
    return machinesOf(this)
  }

  create(spec: MachineSpec): void {
    this.table.put(createdMachine(spec, this.world))
    this.idByAddress.set(spec.ipv4, spec.serverId)
  }

  /** Puts a machine there that has been running for a while; returns its public host key and its settings' digest. */
  seed(model: MachineModel, past: PastMachine): { hostKey: string; settingsSha256: string; digest: string } {
    const image = this.context.findImage?.({ image: imageOf(model, past) }) ?? undefined
    const machine = this.table.put(pastMachine(model, { image, ...past }))
    this.idByAddress.set(machine.ipv4, machine.id)
    return {
      hostKey: machine.hostKey.publicKey,
      settingsSha256: machine.settings?.sha256 ?? '',
      digest: machine.app?.digest ?? '',
    }
  }

  powerOn(serverId: string): void {
    this.change(serverId, (machine) => (machine.power === 'on' ? machine : poweredOn(machine, this.world)))
  }

  powerOff(serverId: string): void {
    this.cut(serverId)
    this.change(serverId, (machine) => poweredOff(machine, this.world.now()))
  }

  reboot(serverId: string): void {
    this.powerOff(serverId)
    this.powerOn(serverId)
  }

  delete(serverId: string): void {
    const machine = this.table.get(serverId)
    if (!machine) return
    this.table.delete(serverId)
    if (this.idByAddress.get(machine.ipv4) === serverId) this.idByAddress.delete(machine.ipv4)
    this.cut(serverId)
  }

  snapshot(serverId: string): string {
    return diskOf(this.mustGet(serverId), this.world.now())
  }

  rebuild(serverId: string, disk: string): void {
    this.cut(serverId)
    this.table.put(rebuilt(this.mustGet(serverId), disk, this.world))
  }

  /** What the app has on its own disk. */
  data(serverId: string): Data {
    return settled(this.mustGet(serverId), this.world.now()).data
  }

  /** Digests of the secrets that the app's services were told of by `rotate`. */
  rotated(serverId: string): Record<string, string> {
    return this.mustGet(serverId).rotated
  }

  /** A power cut that the cloud does not know of; `powerOn` or `reboot` ends it. */
  kill(serverId: string): void {
    this.powerOff(serverId)
  }

  /** The machine stands still: it takes nothing in and sends nothing out. */
  pause(serverId: string): void {
    this.change(serverId, (machine) => (machine.power === 'on' ? { ...machine, paused: true } : machine))
    this.live.pause(serverId)
  }

  /** Lets a paused machine go on, and boots one that was killed. */
  resume(serverId: string): void {
    this.change(serverId, (machine) =>
      machine.power === 'on' ? { ...machine, paused: false } : poweredOn(machine, this.world),
    )
    this.live.resume(serverId)
  }

  /** Lets go of whatever machines are carrying; for them it is a power cut. */
  stop(): void {
    this.context.transfers.stop()
  }

  /** The app crashes and does not come back by itself; whoever runs the machine's agent is not told. */
  stopApp(serverId: string): void {
    this.change(serverId, (machine) => ({
      ...machine,
      app: machine.app && { ...machine.app, stopped: true },
    }))
  }

  startApp(serverId: string): void {
    this.change(serverId, (machine) => ({
      ...machine,
      holding: null,
      app: machine.app && { ...machine.app, stopped: false },
    }))
  }

  /** Somebody deletes everything that is in the app. */
  emptyApp(serverId: string): void {
    this.change(serverId, (machine) => ({ ...machine, data: { ...machine.data, notes: [] } }))
  }

  /** Fills the disk, or makes room again. */
  setFull(serverId: string, isFull: boolean): void {
    this.change(serverId, (machine) => ({ ...machine, isFull }))
  }

  /** Somebody makes the machine another host key, and says so to nobody. */
  changeHostKey(serverId: string): void {
    this.change(serverId, (machine) => ({ ...machine, hostKey: newHostKey() }))
    this.live.drop(serverId)
  }

  list(): MachineSummary[] {
    const now = this.world.now()
    return this.table.all().map((machine) => ({
      serverId: machine.id,
      name: machine.name,
      ipv4: machine.ipv4,
      state: stateOf(machine, now),
      app: appStatus(machine, now),
      isFull: machine.isFull === true,
    }))
  }

  /** Calls `observer` with what machines see from now on; the returned function ends it. */
  observe(observer: (event: MachineEvent) => void): () => void {
    return this.doors.observe(observer)
  }

  private change(serverId: string, change: (machine: Machine) => Machine): void {
    const machine = this.table.get(serverId)
    if (machine) this.table.put(change(machine))
  }

  private mustGet(serverId: string): Machine {
    const machine = this.table.get(serverId)
    if (!machine) throw new Error(`there is no machine ${serverId}`)
    return machine
  }

  /** Every connection of the machine breaks, and what it was carrying is lost. */
  private cut(serverId: string): void {
    this.context.transfers.drop(serverId)
    this.live.drop(serverId)
  }
}

/** As a program that was just started does: on a kept connection Bun would send again what was lost. */
const freshly = (request: Request): Promise<Response> => fetch(request, { keepalive: false })
