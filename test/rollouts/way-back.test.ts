import { afterEach, describe, expect, test } from 'bun:test'
import { eq } from 'drizzle-orm'
import { runs } from '../../src/db/schema'
import { AtlasError } from '../../src/errors'
import { catchUp } from '../../src/rollouts/catch-up'
import { rollBack } from '../../src/rollouts/verbs'
import { Fleet, OPERATOR } from './fleet'

let fleet: Fleet
const open = async (size: number) => {
  fleet = await Fleet.open(size)
}
afterEach(() => fleet.close())

const target = (name: string) => fleet.targets().find((one) => one.name === name)

async function takeBack(): Promise<void> {
  fleet.db.write((tx) => rollBack(tx, fleet.rollout.id, { actor: OPERATOR, nowMs: fleet.clock.now() }))
  expect((await fleet.live()).status).toBe('rolled_back')
}

/** Lets whoever came back be well, and the sweep do what it does every two minutes. */
async function sweep(): Promise<void> {
  await fleet.pass(6)
  catchUp(fleet.services)
  await fleet.pass(2)
}

function halfWay(name: string): () => void {
  const id = `run_of_${name}`
  const nowMs = fleet.clock.now()
  const move = {
    id,
    kind: 'move',
    tenantId: `ten_${name}`,
    input: '{}',
    availableAt: nowMs,
    createdAt: nowMs,
  }
  fleet.db.write((tx) =>
    tx
      .insert(runs)
      .values({ ...move, status: 'failed' })
      .run(),
  )
  return () =>
    fleet.db.write((tx) => tx.update(runs).set({ status: 'cancelled' }).where(eq(runs.id, id)).run())
}

describe('the way back', () => {
  test('leaves a tenant alone whose move has stopped half-way, until that is mended', async () => {
    await open(4)
    await fleet.rollOut('v43', { bake_minutes: 0 })
    await fleet.live()
    const mend = halfWay('t01')
    await takeBack()
    expect(target('t01')).toMatchObject({
      state: 'set_aside',
      reason: 'Its run “move” has stopped half-way.',
    })
    await sweep()
    expect(fleet.tenant('t01').release).toBe('v43')
    mend()
    await sweep()
    expect(fleet.tenant('t01').release).toBe('v42')
  })

  test('takes those too who were set aside and got the release later', async () => {
    await open(4)
    fleet.change('t03', { status: 'suspended' })
    await fleet.rollOut('v43', { bake_minutes: 0 })
    await fleet.live()
    fleet.change('t03', { status: 'active' })
    await sweep()
    expect(fleet.tenant('t03').release).toBe('v43')
    await takeBack()
    expect(fleet.running()).toEqual(['v42'])
    expect(target('t03')?.state).toBe('back')
  })

  test('waits for whoever is suspended, also where nobody knows more of the former release than its tag', async () => {
    await open(4)
    await fleet.rollOut('v43', { bake_minutes: 0 })
    await fleet.live()
    fleet.change('t02', { status: 'suspended' })
    await takeBack()
    expect(target('t02')).toMatchObject({ state: 'set_aside', formerReleaseId: null })
    fleet.change('t02', { status: 'active' })
    await sweep()
    expect(fleet.tenant('t02').release).toBe('v42')
    expect(fleet.running()).toEqual(['v42'])
  })

  test('does not stop for a server that can’t be reached, which is taken back when it answers', async () => {
    await open(4)
    await fleet.rollOut('v43', { bake_minutes: 0 })
    await fleet.live()
    fleet.silent.add('t02')
    await takeBack()
    expect(fleet.states()).toEqual({ back: 3, set_aside: 1 })
    fleet.silent.delete('t02')
    await fleet.pass(60)
    await sweep()
    expect(fleet.running()).toEqual(['v42'])
  })

  test('takes a server where the agent itself broke down: nobody knows how far it came', async () => {
    await open(4)
    const { machines } = fleet.services
    const { run } = machines
    machines.run = async (target, command, options) => {
      const reply = await run(target, command, options)
      const machine = fleet.machines.get(target.address)
      if (command.verb !== 'deploy' || machine?.name !== 't02' || machine.release !== 'v43') return reply
      const said = { vendorCode: 'agent_internal', outcome: 'refused' } as const
      throw new AtlasError('internal', 'The agent failed.', said)
    }
    await fleet.rollOut('v43', { canaries: 't01', bake_minutes: 0 })
    await fleet.live()
    expect(target('t02')).toMatchObject({ state: 'back', failedPart: 'lost' })
    expect(fleet.deployed.filter((one) => one.startsWith('t02'))).toEqual(['t02 v43', 't02 v42'])
  })

  test('leads to what a tenant had when it was its turn, not when the rollout began', async () => {
    await open(4)
    fleet.change('t03', { status: 'suspended' })
    await fleet.rollOut('v43', { bake_minutes: 0 })
    await fleet.live()
    fleet.change('t03', { status: 'active' })
    await fleet.pass(6)
    catchUp(fleet.services)
    await fleet.rollOut('v44', { bake_minutes: 0 })
    expect((await fleet.live()).status).toBe('succeeded')
    expect(fleet.deployed.filter((one) => one.startsWith('t03'))).toEqual(['t03 v43', 't03 v44'])
    await takeBack()
    expect(fleet.running()).toEqual(['v43'])
  })
})
