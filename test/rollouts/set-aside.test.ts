import { afterEach, describe, expect, test } from 'bun:test'
import { desc, eq } from 'drizzle-orm'
import { runs } from '../../src/db/schema'
import { conflict, unavailable } from '../../src/errors'
import { catchUp } from '../../src/rollouts/catch-up'
import { rollBack } from '../../src/rollouts/verbs'
import { Fleet, OPERATOR } from './fleet'

let fleet: Fleet
const open = async (size: number) => {
  fleet = await Fleet.open(size)
}
afterEach(() => fleet.close())

const target = (name: string) => fleet.targets().find((one) => one.name === name)

/** A tenant whose server is being made, for as long as the test takes. */
async function stillProvisioning(name: string): Promise<void> {
  const { runId } = await fleet.stage.tenant(name)
  fleet.db.write((tx) => tx.update(runs).set({ availableAt: 1e15 }).where(eq(runs.id, runId)).run())
}

/** Lets the sweep do what it does every two minutes. */
async function sweep(times = 1): Promise<void> {
  for (let time = 0; time < times; time++) {
    catchUp(fleet.services)
    await fleet.pass(2)
  }
}

describe('who can’t take part', () => {
  test('is set aside with the reason, never counted as healthy, and brought up to date on return', async () => {
    await open(8)
    fleet.change('t01', { status: 'suspended' })
    await stillProvisioning('grace')
    fleet.silent.add('t03')
    await fleet.pass(7)
    fleet.setHealth('t04', 'unhealthy')
    await fleet.rollOut('v43', { canaries: 't00', bake_minutes: 0 })
    expect((await fleet.live()).status).toBe('succeeded')
    expect(fleet.states()).toEqual({ succeeded: 5, set_aside: 4 })
    expect(target('t01')?.reason).toBe('It is suspended.')
    expect(fleet.targets().at(-1)?.reason).toBe('It is being provisioned.')
    expect(target('t03')?.reason).toBe('Nothing was changed: The server cannot be reached over SSH.')
    expect(target('t04')?.reason).toBe('Its app does not answer.')
    expect(fleet.tenant('t03')).toMatchObject({ release: 'v42', wantedReleaseId: fleet.rollout.releaseId })
    expect(fleet.stage.mails().at(-1)?.text).toContain('4 were set aside')

    fleet.change('t01', { status: 'active' })
    fleet.silent.delete('t03')
    for (const name of ['t01', 't03']) fleet.setHealth(name, 'healthy')
    await fleet.pass(60)
    await sweep()
    for (const name of ['t01', 't03']) expect(fleet.tenant(name).release).toBe('v43')
  })

  test('does not count as a failure, nor as a success that others may follow', async () => {
    await open(6)
    fleet.silent.add('t01')
    fleet.behaves = (_, release) => (release === 'v43' ? 'health' : 'good')
    await fleet.rollOut('v43', { canaries: 't01' })
    expect((await fleet.live()).status).toBe('rolled_back')
    expect(fleet.deployed).toHaveLength(1)
  })

  test('is no fleet that has got the release: when that is everybody, it ends without a word of success', async () => {
    await open(4)
    for (const name of ['t00', 't01', 't02', 't03']) fleet.silent.add(name)
    await fleet.rollOut('v43', { bake_minutes: 0 })
    expect(await fleet.live()).toMatchObject({
      status: 'aborted',
      reason: 'Nobody got it: everybody was set aside or left out.',
    })
    expect(fleet.mails()).toEqual(['rollout-aborted'])
    fleet.silent.clear()
    await fleet.pass(60)
    await sweep()
    expect(fleet.running()).toEqual(['v42'])
  })

  test('is left out when it is being deleted', async () => {
    await open(3)
    await fleet.rollOut('v43', { canaries: 't01', bake_minutes: 10 })
    fleet.change('t02', { status: 'deleting' })
    await fleet.live()
    expect(target('t02')).toMatchObject({ state: 'set_aside', reason: 'It is being deleted.' })
    await sweep()
    expect(fleet.tenant('t02').release).toBe('v42')
  })

  test('waits for the next wave or the one after while a run of it has stopped half-way', async () => {
    await open(2)
    const moved = { id: 'run_other', kind: 'move', tenantId: 'ten_t01', input: '{}', createdAt: 1 }
    fleet.db.write((tx) =>
      tx
        .insert(runs)
        .values({ ...moved, status: 'failed', availableAt: 1, createdAt: fleet.clock.now() })
        .run(),
    )
    await fleet.rollOut('v43', { bake_minutes: 0 })
    await fleet.live()
    expect(target('t01')?.reason).toBe('Its run “move” has stopped half-way.')
  })
})

describe('catching up', () => {
  test('is tried every hour where the server can’t be reached, without a mail each time', async () => {
    await open(3)
    fleet.silent.add('t02')
    await fleet.rollOut('v43', { canaries: 't01', bake_minutes: 0 })
    await fleet.live()
    await fleet.pass(60)
    await sweep(10)
    const tried = () => fleet.db.read.select().from(runs).where(eq(runs.tenantId, 'ten_t02')).all().length
    expect(tried()).toBe(2)
    await fleet.pass(60)
    await sweep()
    expect(tried()).toBe(3)
    expect(fleet.mails()).toEqual(['rollout-succeeded'])
  })

  test('is tried again where the server was lost before it heard of the deploy', async () => {
    await open(3)
    const { machines } = fleet.services
    const { run } = machines
    machines.run = (target, command, options) => {
      if (command.verb === 'deploy' && fleet.machines.get(target.address)?.name === 't02')
        return Promise.reject(unavailable('The server cannot be reached over SSH.', { outcome: 'refused' }))
      return run(target, command, options)
    }
    await fleet.rollOut('v43', { canaries: 't01', bake_minutes: 0 })
    expect((await fleet.live()).status).toBe('succeeded')
    expect(target('t02')?.state).toBe('set_aside')
    machines.run = run
    await fleet.pass(60)
    await sweep()
    expect(fleet.tenant('t02').release).toBe('v43')
  })

  test('is not tried again, with a mail each time, where it was refused before the server heard of it', async () => {
    await open(3)
    fleet.change('t02', { status: 'suspended' })
    await fleet.rollOut('v43', { canaries: 't01', bake_minutes: 0 })
    await fleet.live()
    const { machines } = fleet.services
    const { run } = machines
    machines.run = (target, command, options) =>
      command.verb === 'deploy' ? Promise.reject(conflict('Not here.')) : run(target, command, options)
    fleet.change('t02', { status: 'active' })
    await fleet.pass(6)
    for (let hour = 0; hour < 3; hour++) {
      await sweep()
      await fleet.pass(60)
    }
    expect(fleet.mails()).toEqual(['rollout-succeeded', 'failure-notice'])
  })

  test('begins when no rollout holds the fleet any more', async () => {
    await open(3)
    fleet.change('t02', { status: 'suspended' })
    await fleet.rollOut('v43', { canaries: 't01', bake_minutes: 15 })
    fleet.change('t02', { status: 'active' })
    await fleet.pass(10)
    await sweep()
    expect(fleet.tenant('t02').release).toBe('v42')
    await fleet.live()
    await fleet.pass(6)
    await sweep()
    expect(fleet.tenant('t02').release).toBe('v43')
  })

  test('leaves those to a person for whom the release has failed', async () => {
    await open(6)
    fleet.behaves = (name, release) => (release === 'v43' && name === 't05' ? 'health' : 'good')
    await fleet.rollOut('v43', { canaries: 't01', bake_minutes: 0 })
    await fleet.live()
    await fleet.pass(6)
    await sweep(2)
    expect(fleet.deployed.filter((one) => one === 't05 v43')).toHaveLength(1)
  })

  test('stops when the release fails for two that come back, each told of in a mail', async () => {
    await open(8)
    for (const name of ['t03', 't04', 't05', 't06', 't07']) fleet.change(name, { status: 'suspended' })
    await fleet.rollOut('v43', { canaries: 't01', bake_minutes: 0 })
    await fleet.live()
    fleet.behaves = (_, release) => (release === 'v43' ? 'health' : 'good')
    for (const name of ['t03', 't04']) fleet.change(name, { status: 'active' })
    await fleet.pass(6)
    await sweep()
    for (const name of ['t05', 't06', 't07']) fleet.change(name, { status: 'active' })
    await fleet.pass(6)
    await sweep(2)
    expect(fleet.mails()).toEqual(['rollout-succeeded', 'failure-notice', 'failure-notice'])
    expect(fleet.deployed.filter((one) => one.endsWith('v43'))).toHaveLength(5)
  })

  test('takes those back that could not be reached when everybody else was', async () => {
    await open(4)
    const first = await fleet.rollOut('v43', { bake_minutes: 0 })
    await fleet.live()
    await fleet.rollOut('v44', { bake_minutes: 0 })
    await fleet.live()
    expect(first).not.toBe(fleet.rollout.id)
    fleet.silent.add('t02')
    fleet.db.write((tx) => rollBack(tx, fleet.rollout.id, { actor: OPERATOR, nowMs: fleet.clock.now() }))
    expect((await fleet.live()).status).toBe('rolled_back')
    expect(fleet.states()).toEqual({ back: 3, set_aside: 1 })
    expect(fleet.tenant('t02').release).toBe('v44')
    fleet.silent.delete('t02')
    await fleet.pass(60)
    await sweep()
    expect(fleet.tenant('t02').release).toBe('v43')
    const [run] = fleet.db.read.select().from(runs).orderBy(desc(runs.createdAt)).limit(1).all()
    expect(JSON.parse(run?.input ?? '{}')).toMatchObject({ way: 'back', isCatchUp: true })
  })
})

describe('a new tenant', () => {
  test('begins with the release that the fleet was brought to last', async () => {
    await open(2)
    await fleet.rollOut('v43', { bake_minutes: 0 })
    await fleet.live()
    const { tenantId } = await fleet.stage.tenant('grace')
    expect(fleet.tenant(tenantId.replace('ten_', ''))).toMatchObject({
      release: 'v43',
      releaseId: fleet.rollout.releaseId,
    })
  })
})
