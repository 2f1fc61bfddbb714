import { afterEach, describe, expect, test } from 'bun:test'
import { rolloutTargets, runs, tenants } from '../../src/db/schema'
import type { AgentReply, Machines } from '../../src/providers/machines'
import { type Decide, decide } from '../../src/rollouts/decide'
import { type Behaviour, Fleet } from './fleet'

// Each check is made twice: of Atlas as it is, and of one that is broken where the check looks.

let fleet: Fleet
afterEach(() => fleet.close())

type Story = { size: number; by: Decide; behaves: (name: string, release: string) => Behaviour }

/** A rollout that somebody else decides, to a fleet whose canary is t01. */
async function rollOut({ size, by, behaves }: Story, silent: readonly string[] = []): Promise<void> {
  fleet = await Fleet.open(size)
  await fleet.end()
  fleet.begin(fleet.services, by)
  fleet.behaves = behaves
  for (const name of silent) fleet.silent.add(name)
  await fleet.rollOut('v43', { canaries: 't01', waves: '1 / 100 %', bake_minutes: 0 })
  await fleet.live()
}

describe('whoever can’t be reached is never counted as healthy', () => {
  /** How many a wholly bad release breaks when the canary does not answer. */
  async function broken(by: Decide): Promise<number> {
    await rollOut({ size: 12, by, behaves: (_, release) => (release === 'v43' ? 'health' : 'good') }, ['t01'])
    return fleet.states().failed ?? 0
  }

  test('so a wholly bad release still breaks one', async () => {
    expect(await broken(decide)).toBe(1)
  })

  test('which a rollout that takes it for healthy does not hold', async () => {
    const trusting: Decide = (snapshot, nowMs) => decide({ ...snapshot, worked: snapshot.worked + 1 }, nowMs)
    expect(await broken(trusting)).toBeGreaterThan(1)
  })
})

describe('when a way back fails too, nobody else is touched', () => {
  /** Who is deployed to after that one, and what the operator is told. */
  async function after(by: Decide): Promise<{ deployed: string[]; mails: string[] }> {
    const behaves = (name: string, release: string) =>
      name === 't01' && release === 'v43' ? 'stuck' : 'good'
    await rollOut({ size: 6, by, behaves })
    await fleet.pass(60)
    return { deployed: fleet.deployed.slice(1), mails: fleet.mails() }
  }

  test('and the operator is told once', async () => {
    expect(await after(decide)).toEqual({ deployed: [], mails: ['rollout-frozen'] })
  })

  test('which a rollout that does not look at it does not hold', async () => {
    const blind: Decide = (snapshot, nowMs) => decide({ ...snapshot, stuck: 0, failed: 0 }, nowMs)
    const { deployed, mails } = await after(blind)
    expect(deployed.length).toBeGreaterThan(0)
    expect(mails).not.toContain('rollout-frozen')
  })
})

describe('a process that no longer holds a deploy', () => {
  /** Everything that a deploy's end changes. */
  const state = () => [runs, rolloutTargets, tenants].map((table) => fleet.db.read.select().from(table).all())

  /** Begins a rollout in a process that hears of its deploy only when `tell` is called, and can take nothing more. */
  async function begunByADeafOne() {
    fleet = await Fleet.open(1)
    await fleet.end()
    const { promise: told, resolve: tell } = Promise.withResolvers<void>()
    const { machines } = fleet.services
    const run: Machines['run'] = async (target, command, options): Promise<AgentReply> => {
      const reply = await machines.run(target, command, options)
      if (command.verb === 'deploy') await told
      return reply
    }
    fleet.begin({ ...fleet.services, machines: { ...machines, run } })
    await fleet.rollOut('v43', { bake_minutes: 0 })
    await fleet.passUntil(() => fleet.deployed.length === 1)
    await fleet.end()
    return tell
  }

  test('saves nothing of it, once the next one has taken it up', async () => {
    const tell = await begunByADeafOne()
    fleet.begin()
    expect((await fleet.live()).status).toBe('succeeded')
    const before = state()
    tell()
    await fleet.pass(2)
    expect(state()).toEqual(before)
    expect(fleet.deployed).toEqual(['t00 v43'])
    expect(fleet.stage.lines.join()).toContain('taken over')
  })

  test('while one that holds it does', async () => {
    const tell = await begunByADeafOne()
    await fleet.pass(2)
    const before = state()
    tell()
    await fleet.pass(2)
    expect(state()).not.toEqual(before)
    expect(fleet.stage.lines.join()).not.toContain('taken over')
  })

  test('is followed within a minute', async () => {
    await begunByADeafOne()
    const endedAt = fleet.clock.now()
    fleet.begin()
    await fleet.passUntil(() => fleet.tenant('t00').release === 'v43')
    const [{ finishedAt } = { finishedAt: null }] = fleet.db.read.select().from(runs).all().slice(-1)
    expect((finishedAt ?? Number.POSITIVE_INFINITY) - endedAt).toBeLessThan(60_000 + fleet.deployMs)
  })
})
