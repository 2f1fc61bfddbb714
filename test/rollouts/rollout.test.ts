import { afterEach, describe, expect, test } from 'bun:test'
import { eq } from 'drizzle-orm'
import { auditEvents, runs } from '../../src/db/schema'
import { Fleet, MINUTE } from './fleet'

let fleet: Fleet
const open = async (size: number) => {
  fleet = await Fleet.open(size)
}
afterEach(() => fleet.close())

const reasonsOf = (state: string) =>
  fleet
    .targets()
    .filter((target) => target.state === state)
    .map(({ failedPart, reason }) => `${failedPart}: ${reason}`)

describe('a good release', () => {
  test('reaches everybody, wave by wave, and is what everybody should run', async () => {
    await open(12)
    const id = await fleet.rollOut('v43', { waves: '1 / 25 % / 100 %', bake_minutes: 1 })
    expect((await fleet.live()).status).toBe('succeeded')
    expect(fleet.states()).toEqual({ succeeded: 12 })
    expect(fleet.targets().map(({ wave }) => wave)).toEqual([0, 1, 1, ...Array(9).fill(2)])
    expect(fleet.running()).toEqual(['v43'])
    const { releaseId } = fleet.rollout
    for (const { name, updatedAt } of fleet.targets())
      expect(fleet.tenant(name)).toMatchObject({
        release: 'v43',
        releaseId,
        releaseSince: updatedAt,
        wantedReleaseId: releaseId,
      })
    expect(fleet.deployed).toHaveLength(12)
    expect(id).toBe(fleet.rollout.id)
  })

  test('is told of in one mail and in the audit log', async () => {
    await open(3)
    const id = await fleet.rollOut('v43', { bake_minutes: 0 })
    await fleet.live()
    expect(fleet.mails()).toEqual(['rollout-succeeded'])
    const mail = fleet.stage.mails().find(({ subject }) => subject.includes('v43'))
    expect(mail?.subject).toBe('Atlas: v43 is rolled out')
    expect(mail?.text).toContain('3 tenants now run v43.')
    expect(mail?.text).toContain(`https://shop.example.com/admin/rollouts/${id}`)
    const events = fleet.db.read.select().from(auditEvents).where(eq(auditEvents.subject, id)).all()
    expect(events.map(({ actor, action }) => `${actor} ${action}`)).toEqual([
      'test rollout.started',
      'atlas rollout.succeeded',
    ])
  })

  test('waits for its bake after every wave, and for the health of those that got it', async () => {
    await open(4)
    await fleet.rollOut('v43', { waves: '1 / 100 %', bake_minutes: 30 })
    await fleet.pass(29)
    expect(fleet.states()).toEqual({ succeeded: 1, waiting: 3 })
    await fleet.pass(3)
    expect(fleet.states()).toEqual({ succeeded: 4 })
    expect(fleet.rollout.status).toBe('running')
    await fleet.live()
    expect(fleet.rollout.finishedAt).toBeGreaterThan(fleet.rollout.createdAt + 60 * MINUTE)
  })

  test('leaves those alone that run it already', async () => {
    await open(4)
    const release = await fleet.release('v43')
    fleet.change('t02', { release: 'v43', releaseId: release.id })
    await fleet.rollOut('v43', { bake_minutes: 0 })
    await fleet.live()
    expect(
      fleet
        .targets()
        .map(({ name }) => name)
        .sort(),
    ).toEqual(['t00', 't01', 't03'])
  })

  test('waits for a tenant that something else is being done to', async () => {
    await open(2)
    const run = {
      id: 'run_other',
      kind: 'backup',
      tenantId: 'ten_t01',
      input: '{}',
      availableAt: 1e15,
      createdAt: 1,
    }
    fleet.db.write((tx) =>
      tx
        .insert(runs)
        .values({ ...run, status: 'waiting' })
        .run(),
    )
    await fleet.rollOut('v43', { canaries: 't00', bake_minutes: 0 })
    await fleet.pass(30)
    expect(fleet.states()).toEqual({ succeeded: 1, waiting: 1 })
    fleet.db.write((tx) => tx.update(runs).set({ status: 'succeeded' }).where(eq(runs.id, run.id)).run())
    expect((await fleet.live()).status).toBe('succeeded')
  })
})

describe('a wholly bad release', () => {
  test('breaks one tenant, goes back by itself, and touches nobody else', async () => {
    await open(10)
    fleet.behaves = (_, release) => (release === 'v43' ? 'health' : 'good')
    await fleet.rollOut('v43')
    expect((await fleet.live()).status).toBe('rolled_back')
    expect(fleet.rollout.reason).toBe('It stopped by itself: 1 tenant failed by wave 1 of 3.')
    expect(fleet.states()).toEqual({ failed: 1, waiting: 9 })
    expect(reasonsOf('failed')).toEqual(['health: The server says: It failed at health.'])
    expect(fleet.deployed).toHaveLength(1)
    expect(fleet.running()).toEqual(['v42'])
  })

  test('is told of once, with who failed and what to do', async () => {
    await open(5)
    fleet.behaves = () => 'migrate'
    await fleet.rollOut('v43')
    await fleet.live()
    expect(fleet.mails()).toEqual(['rollout-rolled-back'])
    const mail = fleet.stage.mails().at(-1)
    expect(mail?.subject).toBe('Atlas: v43 was taken back')
    expect(mail?.text).toContain('The server says: It failed at migrate.')
    expect(mail?.text).toContain('give it another tag')
  })

  test('makes room for the one that mends it', async () => {
    await open(5)
    fleet.behaves = (_, release) => (release === 'v43' ? 'smoke' : 'good')
    await fleet.rollOut('v43')
    await fleet.live()
    await fleet.rollOut('v44', { bake_minutes: 0 })
    expect((await fleet.live()).status).toBe('succeeded')
    expect(fleet.running()).toEqual(['v44'])
  })
})

describe('a partly bad release', () => {
  test('stops when as many have failed as may, and takes everybody back who got it', async () => {
    await open(30)
    fleet.behaves = (name, release) =>
      release === 'v43' && Number(name.slice(1)) % 3 === 0 ? 'health' : 'good'
    const written = { canaries: 't01', waves: '1 / 10 % / 100 %', stop_failures: 3, bake_minutes: 0 }
    await fleet.rollOut('v43', written)
    expect((await fleet.live()).status).toBe('rolled_back')
    const { failed = 0, back = 0, succeeded = 0 } = fleet.states()
    expect(failed).toBe(3)
    expect(back).toBeGreaterThan(0)
    expect(succeeded).toBe(0)
    expect(fleet.running()).toEqual(['v42'])
    for (const { name, state } of fleet.targets())
      if (state === 'back') expect(fleet.tenant(name)).toMatchObject({ release: 'v42', releaseId: null })
  })

  test('goes on over fewer failures, which stay on what they had and are told of', async () => {
    await open(12)
    fleet.behaves = (name, release) => (release === 'v43' && name === 't05' ? 'pull' : 'good')
    await fleet.rollOut('v43', { canaries: 't01', bake_minutes: 0 })
    expect((await fleet.live()).status).toBe('succeeded')
    expect(fleet.states()).toEqual({ succeeded: 11, failed: 1 })
    expect(fleet.tenant('t05')).toMatchObject({ release: 'v42', wantedReleaseId: fleet.rollout.releaseId })
    expect(fleet.tenant('t05').statusReason).toContain('Release v43')
    expect(fleet.stage.mails().at(-1)?.text).toContain('t05')
  })

  test('that brings tenants down later is seen by their health, and goes back', async () => {
    await open(6)
    await fleet.rollOut('v43', { canaries: 't01', bake_minutes: 10 })
    await fleet.passUntil(() => fleet.states().succeeded === 1)
    fleet.ill.add('t01 v43')
    expect((await fleet.live()).status).toBe('rolled_back')
    expect(reasonsOf('back')).toHaveLength(1)
    expect(fleet.targets()[0]).toMatchObject({ name: 't01', failedPart: 'later', state: 'back' })
    expect(fleet.deployed).toEqual(['t01 v43', 't01 v42'])
  })

  test('that loses a server on the way takes it back as soon as it answers', async () => {
    await open(6)
    fleet.behaves = (name, release) => (release === 'v43' && name === 't01' ? 'lost' : 'good')
    await fleet.rollOut('v43', { canaries: 't01' })
    await fleet.passUntil(() => fleet.silent.has('t01'))
    await fleet.passUntil(() => fleet.targets()[0]?.state === 'going_back')
    fleet.silent.delete('t01')
    expect((await fleet.live()).status).toBe('rolled_back')
    expect(fleet.targets()[0]).toMatchObject({ name: 't01', failedPart: 'lost', state: 'back' })
  })
})

describe('what visitors get', () => {
  test('decides: an app that is well on its own server only is taken back', async () => {
    await open(3)
    fleet.ill.add('t01 v43')
    await fleet.rollOut('v43', { canaries: 't01' })
    expect((await fleet.live()).status).toBe('rolled_back')
    expect(fleet.targets()[0]).toMatchObject({ name: 't01', failedPart: 'outside', state: 'failed' })
    expect(fleet.targets()[0]?.reason).toBe(
      'From outside: It answers with status 500 instead of 200. It was taken back.',
    )
    expect(fleet.deployed).toEqual(['t01 v43', 't01 v42'])
  })
})

describe('no more', () => {
  test('than it says are worked on at a time, nor more than may fail', async () => {
    await open(40)
    await fleet.rollOut('v43', { concurrency: 6, stop_failures: 20, bake_minutes: 0 })
    await fleet.live()
    expect(fleet.mostAtOnce).toBe(6)
    await fleet.rollOut('v44', { concurrency: 6, stop_failures: 3, bake_minutes: 0 })
    fleet.mostAtOnce = 0
    await fleet.live()
    expect(fleet.mostAtOnce).toBe(3)
  })
})
