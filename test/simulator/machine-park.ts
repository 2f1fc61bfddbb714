import { stringify } from 'yaml'
import { type MovableClock, SystemClock } from '../../src/clock'
import { createProbe } from '../../src/providers/http-probe'
import type { AgentVerb, MachineTarget } from '../../src/providers/machines'
import { createMachines, type MachinesOptions } from '../../src/providers/ssh'
import { generateHostKey, type HostKey } from '../../src/providers/ssh/keys'
import { Faults } from '../../src/simulator/faults'
import { SimMachines } from '../../src/simulator/machines'
import type { MachineEvent } from '../../src/simulator/machines/doors'
import { startGateway } from '../../src/simulator/machines/gateway'
import { RegistryTwin } from '../../src/simulator/registry'
import type { Login } from '../../src/simulator/registry/tokens'
import { World } from '../../src/simulator/world'

/** Atlas's own key in these tests. */
export const atlasKey = generateHostKey()

export const COMPOSE = `services: { app: { image: "\${REPO:?}:\${RELEASE:?}" }, database: { image: postgres } }`

export type UserDataOptions = { hostKey?: HostKey; publicKey?: string; options?: string; change?: object }

/** User-data of the same form as a blueprint's. */
export function userDataOf({
  hostKey,
  publicKey = atlasKey.publicKey,
  options,
  change,
}: UserDataOptions = {}) {
  const forced =
    options ?? 'command="sudo -n /usr/local/lib/atlas/agent \\"$SSH_ORIGINAL_COMMAND\\"",restrict'
  return `#cloud-config\n${stringify({
    users: [{ name: 'atlas', ssh_authorized_keys: [`${forced} ${publicKey} atlas`.trim()] }],
    ...(hostKey && { ssh_keys: { ed25519_private: hostKey.privateKey, ed25519_public: hostKey.publicKey } }),
    write_files: [{ path: '/usr/local/lib/atlas/agent', permissions: '0755', content: '#!/bin/sh\n' }],
    runcmd: ['touch /var/lib/atlas/ready'],
    ...change,
  })}`
}

export type ParkOptions = {
  clock?: MovableClock
  speed?: number
  file?: string
  /** Who may pull what is private. */
  login?: Login
  client?: Partial<MachinesOptions>
}

/** A world with machines behind a gateway, and Atlas's clients in front of it. */
export async function openPark(options: ParkOptions = {}) {
  const clock = options.clock ?? new SystemClock()
  const world = new World({ clock, speed: options.speed ?? 1000, file: options.file })
  const faults = new Faults(world)
  const names = new Map<string, string>()
  const registry = new RegistryTwin(world, { login: options.login })
  const sim = new SimMachines(world, {
    faults,
    resolve: (hostname) => names.get(hostname),
    findImage: (asked) => (registry.knows(asked.image) ? registry.pull(asked) : undefined),
  })
  const gateway = await startGateway(sim.doors, 0)
  const machines = createMachines({
    privateKey: atlasKey.privateKey,
    gatewayUrl: gateway.url,
    clock: new SystemClock(),
    ...options.client,
  })
  const probe = createProbe({ gatewayUrl: gateway.url, clock: new SystemClock() })
  const events: MachineEvent[] = []
  sim.observe((event) => events.push(event))

  const park = {
    clock,
    world,
    faults,
    registry,
    names,
    sim,
    gateway,
    machines,
    probe,
    events,
    /** How often a machine saw something of this kind. */
    saw: (kind: MachineEvent['kind'], serverId = '1') =>
      events.filter((event) => event.kind === kind && event.serverId === serverId).length,
    /** Creates machine `number` at 198.18.0.<number> with its name in DNS. */
    create(
      number = 1,
      userData: UserDataOptions & { text?: string } = {},
    ): MachineTarget & { hostKey: HostKey } {
      const hostKey = userData.hostKey ?? generateHostKey()
      const address = `198.18.${number >> 8}.${number & 255}`
      sim.create({
        serverId: String(number),
        name: `tenant-${number}`,
        ipv4: address,
        image: 'debian-13',
        userData: userData.text ?? userDataOf({ ...userData, hostKey }),
        sshKeys: [],
      })
      names.set(`t${number}.localhost`, address)
      return { address, hostKeys: [hostKey.publicKey], hostKey }
    },
    run: (target: MachineTarget, verb: AgentVerb, input: Record<string, unknown> = {}, commandId = 'cmd-1') =>
      machines.run(target, { verb, commandId, input }),
    /** Waits until a machine's boot is complete. */
    async booted(target: MachineTarget) {
      for (let i = 0; i < 200; i++) {
        if (sim.list().find((machine) => machine.ipv4 === target.address)?.state === 'running') return
        await Bun.sleep(2)
      }
      throw new Error('the machine did not boot')
    },
    get: (number: number, path = '/health') =>
      probe.get({
        url: `http://t${number}.localhost${path}`,
        address: `198.18.0.${number}`,
        timeoutMs: 2_000,
      }),
    async close() {
      machines.close()
      sim.stop()
      await gateway.stop()
      world.close()
    },
  }
  return park
}

export type Park = Awaited<ReturnType<typeof openPark>>

/** Settings, then the app at release v42. */
export async function bringUp(park: Park, target: MachineTarget, logs: string[] = []) {
  await park.booted(target)
  await park.run(
    target,
    'settings',
    { compose: COMPOSE, env: { REPO: 'acme/app', PLAN: 'pro' } },
    'settings-1',
  )
  return park.machines.run(
    target,
    { verb: 'start', commandId: 'start-1', input: { release: 'v42' } },
    { onLog: (line) => logs.push(line) },
  )
}

/** What a promise was rejected with. */
export async function thrownBy(promise: Promise<unknown>): Promise<Record<string, unknown>> {
  try {
    await promise
  } catch (thrown) {
    if (thrown instanceof Error) return { ...thrown, message: thrown.message }
  }
  throw new Error('nothing was thrown')
}
