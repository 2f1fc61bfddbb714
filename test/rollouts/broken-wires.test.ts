import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { eq } from 'drizzle-orm'
import { backups, effects, runs, tenants } from '../../src/db/schema'
import { resumeTenant, suspendTenant } from '../../src/lifecycle/suspension'
import type { Machines } from '../../src/providers/machines'
import { catchUp } from '../../src/rollouts/catch-up'
import type { Services } from '../../src/services'
import type { MachineEvent } from '../../src/simulator/machines/doors'
import { Wires } from './wires'

// Each check is made twice: of Atlas as it is, and of one that is broken where the check looks.

let wires: Wires
beforeEach(async () => {
  wires = await Wires.open(['bob', 'cleo'])
})
afterEach(() => wires.close())

const CALM = { canaries: 'ada', waves: '1 / 100 %' }
const NAMES = ['ada', 'bob', 'cleo']
const everybody = (release: string) => Object.fromEntries(NAMES.map((name) => [name, release]))

/** Atlas with another ear or mouth for its machines. */
const withMachines =
  (run: (machines: Machines, ...asked: Parameters<Machines['run']>) => ReturnType<Machines['run']>) =>
  ({ machines, ...others }: Services): Services => ({
    ...others,
    machines: {
      close: (address) => machines.close(address),
      run: (...asked) => run(machines, ...asked),
    },
  })

describe('a connection that breaks in the middle of a deploy', () => {
  /** How often each machine was deployed to. */
  async function deploys(): Promise<number[]> {
    wires.publish('v43')
    wires.estate.fault('machine', 'deploy', 'drop', { times: 2 })
    await wires.rollOut('v43', CALM)
    await wires.live()
    return NAMES.map((name) => wires.deploysOf(name))
  }

  test('is taken up again under the same id', async () => {
    expect(await deploys()).toEqual([1, 1, 1])
  })

  test('leads to a second deploy where each call has an id of its own', async () => {
    let calls = 0
    wires.change = withMachines((machines, target, command, options) =>
      machines.run(target, { ...command, commandId: `${command.commandId}-${++calls}` }, options),
    )
    expect(Math.max(...(await deploys()))).toBeGreaterThan(1)
  })
})

describe('an old container that answers after the switch', () => {
  let heard = ''
  /** Docker brings the former container back whenever a deploy has said that all is well. */
  const relapsing = (listen: (services: Services) => Services) => (services: Services) =>
    listen(
      withMachines(async (machines, target, command, options) => {
        const { name, app } = wires.machines().find(({ ipv4 }) => ipv4 === target.address)!
        const reply = await machines.run(target, command, options)
        if (command.verb !== 'deploy') return reply
        heard = String(reply.result.digest)
        wires.changeMachine(name.replace(/-[0-9a-z]{6}$/, ''), { app, coming: [] })
        return reply
      })(services),
    )

  async function rollOut(listen: (services: Services) => Services = (same) => same) {
    wires.publish('v43')
    wires.change = relapsing(listen)
    await wires.rollOut('v43', CALM)
    return (await wires.live()).status
  }

  test('fails the gate, though it is healthy', async () => {
    expect(await rollOut()).toBe('rolled_back')
    expect(wires.targets()[0]).toBe('ada failed outside')
    expect(wires.running()).toEqual(everybody('v42'))
    const [run] = wires.db.read.select().from(runs).where(eq(runs.kind, 'deploy')).all()
    expect(run?.reason).toContain('What runs is not the image that was deployed.')
  })

  test('passes where nobody compares what runs with what was meant', async () => {
    const gullible = withMachines(async (machines, target, command, options) => {
      const reply = await machines.run(target, command, options)
      const app = reply.result.app as object
      if (command.verb !== 'status' || heard === '') return reply
      return { ...reply, result: { ...reply.result, app: { ...app, digest: heard } } }
    })
    expect(await rollOut(gullible)).toBe('succeeded')
    expect(wires.running()).toEqual(everybody('v42'))
  })
})

describe('a release that changes the schema', () => {
  test('leaves data with which the release before it runs', async () => {
    wires.publish('v43', { behaviour: 'smoke_fails', migration: 'expand' })
    await wires.rollOut('v43', CALM, { migration: 'expand' })
    expect((await wires.live()).status).toBe('rolled_back')
    expect(schemaOf('ada')).toEqual({ major: 1, minor: 1 })
    expect(schemaOf('bob')).toEqual({ major: 1, minor: 0 })
    expect(stateOf('ada')).toBe('v42 running')
  })

  test('is found out when it does not, though it says that it does', async () => {
    wires.publish('v43', { behaviour: 'smoke_fails', migration: 'contract' })
    await wires.rollOut('v43', CALM, { migration: 'expand' })
    expect((await wires.live()).status).toBe('frozen')
    expect(schemaOf('ada')).toEqual({ major: 2, minor: 0 })
    expect(stateOf('ada')).toBe('v42 failed')
  })

  test('says before it starts that there is no way back, and does not start', async () => {
    wires.publish('v43', { migration: 'contract' })
    await expect(wires.rollOut('v43', CALM, { migration: 'contract' })).rejects.toThrow(
      'There is no way back from v43',
    )
    expect(() => wires.rollout).toThrow('there is no rollout')
  })

  test('is copied first: each copy is complete before its server hears of the release', async () => {
    expect(await copiedFirst(undefined)).toEqual([true, true, true])
  })

  test('which one that was told to make no copy does not hold', async () => {
    expect(await copiedFirst(false)).toEqual([false, false, false])
  })

  /** Whether each tenant's copy was complete when its server was asked for the deploy. */
  async function copiedFirst(backup: boolean | undefined): Promise<boolean[]> {
    wires.publish('v43', { migration: 'contract' })
    await wires.rollOut('v43', CALM, { migration: 'contract', backup, acceptsNoWayBack: true })
    expect((await wires.live()).status).toBe('succeeded')
    const copies = wires.db.read.select().from(backups).where(eq(backups.reason, 'before_deploy')).all()
    const asked = wires.db.read.select().from(effects).where(eq(effects.verb, 'deploy')).all()
    return asked.map(({ runId, requestedAt }) =>
      copies.some((copy) => copy.runId === runId && (copy.completedAt ?? requestedAt + 1) <= requestedAt),
    )
  }

  const schemaOf = (tenant: string) => wires.estate.clouds.machines.data(wires.machineOf(tenant).id).schema

  const stateOf = (tenant: string) => {
    const machine = wires.estate.clouds.machines.list().find(({ name }) => name.startsWith(`${tenant}-`))
    return `${machine?.app.release} ${machine?.app.state}`
  }
})

describe('tenants that are off, suspended, and being provisioned', () => {
  const idOf = (name: string) => {
    const tenant = wires.db.read.select().from(tenants).where(eq(tenants.subdomain, name)).get()
    return tenant?.id ?? ''
  }
  const by = () => ({ actor: { id: 'test' }, nowMs: wires.clock.now() })
  const isSettled = (name: string, status: string) => () =>
    wires.db.read.select().from(tenants).where(eq(tenants.subdomain, name)).get()?.status === status
  const hold = (runId: string, availableAt: number) =>
    wires.db.write((tx) => tx.update(runs).set({ availableAt }).where(eq(runs.id, runId)).run())

  test('are set aside, and brought up to date when they return', async () => {
    const { machines } = wires.estate.clouds
    machines.powerOff(wires.machineOf('bob').id)
    wires.db.write((tx) =>
      suspendTenant(tx, wires.estate.services, idOf('cleo'), { ...by(), because: 'operator' }),
    )
    await wires.liveUntil(isSettled('cleo', 'suspended'))
    const { runId } = await wires.estate.stage.tenant('dora', 'dora@example.com')
    hold(runId, 1e15)
    wires.publish('v43')
    await wires.rollOut('v43', { ...CALM, waves: '1 / 100 %' })
    await wires.liveUntil(() => wires.rollout.status !== 'running')
    expect(wires.rollout.status).toBe('succeeded')
    expect(wires.targets().toSorted()).toEqual([
      'ada succeeded',
      ...['bob set_aside', 'cleo set_aside', 'dora set_aside'],
    ])
    expect(wires.running()).toEqual({ ada: 'v43', bob: 'v42', cleo: 'v42' })

    machines.powerOn(wires.machineOf('bob').id)
    wires.db.write((tx) => resumeTenant(tx, wires.estate.services, idOf('cleo'), by()))
    hold(runId, wires.clock.now())
    await wires.liveUntil(() => isSettled('cleo', 'active')() && isSettled('dora', 'active')())
    wires.clock.advance(3_600_000)
    await wires.liveUntil(() => {
      catchUp(wires.estate.services)
      return Object.values(wires.running()).every((release) => release === 'v43')
    })
    expect(Object.keys(wires.running())).toEqual([...NAMES, 'dora'])
  }, 30_000)
})

describe('another host key at the same address', () => {
  /** What cleo's machine saw of a rollout. */
  async function seen(): Promise<MachineEvent['kind'][]> {
    const events: MachineEvent[] = []
    const { id } = wires.machineOf('cleo')
    wires.estate.clouds.machines.observe((event) => events.push(event))
    wires.publish('v43')
    await wires.rollOut('v43', CALM)
    await wires.live()
    return events.filter(({ serverId, kind }) => serverId === id && kind !== 'http').map(({ kind }) => kind)
  }

  test('is told nothing: not even who asks', async () => {
    wires.estate.clouds.machines.changeHostKey(wires.machineOf('cleo').id)
    expect([...new Set(await seen())]).toEqual(['connection'])
    expect(wires.targets().toSorted()).toEqual(['ada succeeded', 'bob succeeded', 'cleo set_aside'])
  })

  test('while the one that is known is told who asks and what to do', async () => {
    expect([...new Set(await seen())]).toEqual(['connection', 'authentication', 'command'])
  })
})
