import { expect } from 'bun:test'
import { ManualClock } from '../../src/clock'
import type { MachineDriver, MachineSpec } from '../../src/simulator/driver'
import { Front } from '../../src/simulator/front'
import { HetznerTwin, type HetznerTwinOptions } from '../../src/simulator/hetzner'
import type { Exchange } from '../../src/simulator/twin'
import { World } from '../../src/simulator/world'
import { checkHetzner } from '../contract/hetzner'

export const TOKEN = 'hetzner-token-that-stays-secret'
export const SSH_KEY =
  'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl atlas@example.com'

/** A driver that only remembers what it was told. */
export class RememberingDriver implements MachineDriver {
  readonly calls: string[] = []
  readonly created: MachineSpec[] = []
  /** What is on each machine's disk; tests write to it. */
  readonly disks = new Map<string, string>()

  create(machine: MachineSpec): void {
    this.created.push(machine)
    if (machine.disk !== undefined) this.disks.set(machine.serverId, machine.disk)
    this.calls.push(`create ${machine.serverId}`)
  }

  powerOn = (serverId: string) => void this.calls.push(`powerOn ${serverId}`)
  powerOff = (serverId: string) => void this.calls.push(`powerOff ${serverId}`)
  reboot = (serverId: string) => void this.calls.push(`reboot ${serverId}`)
  delete = (serverId: string) => void this.calls.push(`delete ${serverId}`)

  snapshot(serverId: string): string {
    this.calls.push(`snapshot ${serverId}`)
    return this.disks.get(serverId) ?? 'a fresh disk'
  }

  rebuild(serverId: string, disk: string): void {
    this.disks.set(serverId, disk)
    this.calls.push(`rebuild ${serverId}`)
  }
}

type Options = Partial<Pick<HetznerTwinOptions, 'serverLimit' | 'addressLimit' | 'requestsPerHour'>> & {
  file?: string
  speed?: number
  /** What time it is at first, in UTC milliseconds. */
  startAt?: number
}

/** A simulated Hetzner behind its HTTP door, with every exchange held against Hetzner's document. */
export class HetznerStand {
  readonly clock: ManualClock
  readonly driver = new RememberingDriver()
  readonly world: World
  readonly twin: HetznerTwin
  readonly front: Front
  readonly apiUrl: string
  readonly exchanges: Exchange[] = []
  readonly problems: string[] = []

  constructor(options: Options = {}) {
    const { file, speed, startAt, ...limits } = options
    this.clock = new ManualClock(startAt)
    this.world = new World({ clock: this.clock, file, speed })
    const sshKeys = [{ name: 'atlas', publicKey: SSH_KEY }]
    this.twin = new HetznerTwin(this.world, { token: TOKEN, sshKeys, driver: this.driver, ...limits })
    this.front = new Front(this.world, [this.twin], async () => null)
    this.front.observe((exchange) => {
      this.exchanges.push(exchange)
      this.problems.push(...checkHetzner(exchange).map((p) => `${exchange.verb} ${exchange.status}: ${p}`))
    })
    this.apiUrl = `${this.front.listen(0)}/hetzner/v1`
  }

  /** The verbs that went over the wire, in their order. */
  get verbs(): string[] {
    return this.exchanges.map((exchange) => exchange.verb)
  }

  /** Asks over the wire; `Body` is what the caller reads of the answer. */
  async call<Body = Record<string, unknown>>(method: string, path: string, body?: unknown, token = TOKEN) {
    const response = await fetch(this.apiUrl + path, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      body: body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body),
    })
    const text = await response.text()
    const json = (text === '' ? {} : JSON.parse(text)) as Body & { error?: { code: string } }
    return { status: response.status, headers: response.headers, json, error: json.error?.code }
  }

  async stop(): Promise<void> {
    await this.front.stop()
    this.twin.stop()
    this.world.close()
    expect(this.problems).toEqual([])
  }
}
