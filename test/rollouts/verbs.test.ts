import { afterEach, describe, expect, test } from 'bun:test'
import { eq } from 'drizzle-orm'
import { auditEvents } from '../../src/db/schema'
import { startRollout } from '../../src/rollouts/start'
import { DEFAULT_STRATEGY } from '../../src/rollouts/strategy'
import { abortRollout, holdRollout, resumeRollout, rollBack, skipTarget } from '../../src/rollouts/verbs'
import { tagTenant } from '../../src/tenants/tags'
import { Fleet, OPERATOR } from './fleet'

let fleet: Fleet
const open = async (size: number) => {
  fleet = await Fleet.open(size)
}
afterEach(() => fleet.close())

const asked = () => ({ actor: OPERATOR, nowMs: fleet.clock.now() })
const id = () => fleet.rollout.id
const hold = () => fleet.db.write((tx) => holdRollout(tx, id(), asked()))
const resume = () => fleet.db.write((tx) => resumeRollout(tx, id(), asked()))
const skip = (name: string) => fleet.db.write((tx) => skipTarget(tx, id(), `ten_${name}`, asked()))
const abort = () => fleet.db.write((tx) => abortRollout(tx, fleet.services, id(), asked()))
const takeBack = () => fleet.db.write((tx) => rollBack(tx, id(), asked()))

describe('starting', () => {
  test('is refused while another rollout holds the fleet, with its name', async () => {
    await open(4)
    await fleet.rollOut('v43')
    await expect(fleet.rollOut('v44')).rejects.toThrow(
      `The rollout of v43 holds the fleet: it is running. Wait until it has ended, or end it with “atlas rollout abort ${id()}”; then ask for this once more. Its page is ${fleet.services.settings.baseUrl}/admin/rollouts/${id()}.`,
    )
    hold()
    await expect(fleet.rollOut('v44')).rejects.toThrow('it is held')
  })

  test('is refused when nobody is left who could get the release', async () => {
    await open(2)
    await fleet.rollOut('v43', { bake_minutes: 0 })
    await fleet.live()
    await expect(fleet.rollOut('v43')).rejects.toThrow('There is nobody who could get this release now.')
  })

  test('takes the canaries that were named, by name or by tag', async () => {
    await open(8)
    fleet.db.write((tx) => tagTenant(tx, 'ten_t05', ['beta', 'early'], OPERATOR, fleet.clock.now()))
    await fleet.rollOut('v43', { canaries: 't02, tag:beta' })
    const first = fleet.targets().filter(({ wave }) => wave === 0)
    expect(first.map(({ name }) => name).sort()).toEqual(['t02', 't05'])
  })

  test('is refused for canaries that are nobody', async () => {
    await open(2)
    const fields = (words: string) => ({ fields: { canaries: words } })
    await expect(fleet.rollOut('v43', { canaries: 't00 nobody' })).rejects.toMatchObject(
      fields('Name 2 is no tenant of this blueprint.'),
    )
    await expect(fleet.rollOut('v43', { canaries: 'tag:none' })).rejects.toMatchObject(
      fields('Nobody of this blueprint has such a tag.'),
    )
  })
})

describe('holding', () => {
  test('lets what is under way end and begins nothing more, until it is resumed', async () => {
    await open(8)
    await fleet.rollOut('v43', { bake_minutes: 0, stop_failures: 3, canaries: 't01' })
    await fleet.passUntil(() => (fleet.states().deploying ?? 0) > 1)
    const { deploying = 0, succeeded = 0 } = fleet.states()
    hold()
    await fleet.pass(60)
    expect(fleet.states()).toEqual({ succeeded: succeeded + deploying, waiting: 8 - succeeded - deploying })
    resume()
    expect((await fleet.live()).status).toBe('succeeded')
    expect(fleet.mails()).toEqual(['rollout-succeeded'])
  })

  test('holds a way back too, which goes on as a way back', async () => {
    await open(6)
    await fleet.rollOut('v43', { bake_minutes: 0 })
    await fleet.live()
    takeBack()
    hold()
    await fleet.pass(10)
    expect(fleet.rollout.status).toBe('held')
    resume()
    expect((await fleet.live()).status).toBe('rolled_back')
    expect(fleet.running()).toEqual(['v42'])
  })

  test('is for what is at work only', async () => {
    await open(2)
    await fleet.rollOut('v43', { bake_minutes: 0 })
    expect(resume).toThrow('This rollout is running, so it can’t be resumed.')
    await fleet.live()
    expect(hold).toThrow('This rollout has succeeded, so it can’t be held.')
  })
})

describe('skipping', () => {
  test('leaves a tenant out, also afterwards', async () => {
    await open(4)
    await fleet.rollOut('v43', { canaries: 't01', bake_minutes: 0 })
    skip('t03')
    await fleet.live()
    expect(fleet.states()).toEqual({ succeeded: 3, skipped: 1 })
    expect(fleet.tenant('t03')).toMatchObject({ release: 'v42', wantedReleaseId: null })
  })

  test('is for tenants that wait', async () => {
    await open(3)
    await fleet.rollOut('v43', { canaries: 't01' })
    await fleet.pass(1)
    expect(() => skip('t01')).toThrow('It has begun here already.')
    expect(() => skip('nobody')).toThrow('This tenant is no part of the rollout.')
  })
})

describe('aborting', () => {
  test('leaves everybody as they are; what is under way is finished', async () => {
    await open(8)
    await fleet.rollOut('v43', { bake_minutes: 0, stop_failures: 3, canaries: 't01' })
    await fleet.passUntil(() => (fleet.states().deploying ?? 0) > 1)
    const { deploying = 0, succeeded = 0 } = fleet.states()
    abort()
    expect(fleet.rollout).toMatchObject({ status: 'aborted', reason: 'Aborted by hand.' })
    await fleet.pass(30)
    expect(fleet.states()).toEqual({ succeeded: succeeded + deploying, waiting: 8 - succeeded - deploying })
    expect(fleet.running()).toEqual(['v42', 'v43'])
    expect(fleet.mails()).toEqual(['rollout-aborted'])
  })

  test('does not keep quiet what fails after it', async () => {
    await open(4)
    fleet.behaves = (_, release) => (release === 'v43' ? 'stuck' : 'good')
    await fleet.rollOut('v43')
    await fleet.pass(0.2)
    expect(fleet.states().deploying).toBe(1)
    abort()
    await fleet.pass(5)
    expect(fleet.states()).toEqual({ stuck: 1, waiting: 3 })
    expect(fleet.mails()).toEqual(['rollout-aborted', 'failure-notice'])
  })

  test('makes room for another, which leaves those alone that have it', async () => {
    await open(5)
    await fleet.rollOut('v43', { canaries: 't01', bake_minutes: 10 })
    await fleet.passUntil(() => fleet.states().succeeded === 1)
    abort()
    await fleet.rollOut('v43', { bake_minutes: 0 })
    expect((await fleet.live()).status).toBe('succeeded')
    expect(fleet.targets()).toHaveLength(4)
  })
})

describe('rolling back everything', () => {
  test('takes everybody back who got it, also when it has succeeded, and catches nobody up any more', async () => {
    await open(6)
    fleet.change('t05', { status: 'suspended' })
    await fleet.rollOut('v43', { bake_minutes: 0 })
    await fleet.live()
    expect(fleet.tenant('t05').wantedReleaseId).toBe(fleet.rollout.releaseId)
    takeBack()
    expect((await fleet.live()).status).toBe('rolled_back')
    expect(fleet.running()).toEqual(['v42'])
    for (const name of ['t00', 't05'])
      expect(fleet.tenant(name)).toMatchObject({ release: 'v42', wantedReleaseId: null })
    expect(fleet.mails()).toEqual(['rollout-succeeded', 'rollout-rolled-back'])
  })

  test('waits for what is under way', async () => {
    await open(6)
    await fleet.rollOut('v43', { bake_minutes: 0, stop_failures: 6, canaries: 't01' })
    await fleet.passUntil(() => (fleet.states().deploying ?? 0) > 1)
    takeBack()
    expect((await fleet.live()).status).toBe('rolled_back')
    expect(fleet.running()).toEqual(['v42'])
  })

  test('is for the latest rollout only', async () => {
    await open(2)
    const first = await fleet.rollOut('v43', { bake_minutes: 0 })
    await fleet.live()
    await fleet.rollOut('v44', { bake_minutes: 0 })
    await fleet.live()
    expect(() => fleet.db.write((tx) => rollBack(tx, first, asked()))).toThrow(
      'A later rollout has taken this one’s place.',
    )
  })

  test('leaves those alone that run something else by now', async () => {
    await open(3)
    await fleet.rollOut('v43', { bake_minutes: 0 })
    await fleet.live()
    const other = await fleet.release('v44')
    fleet.change('t01', { release: 'v44', releaseId: other.id })
    takeBack()
    await fleet.live()
    expect(fleet.targets().find(({ name }) => name === 't01')).toMatchObject({
      state: 'set_aside',
      reason: 'It runs another release by now.',
    })
    expect(fleet.tenant('t01').release).toBe('v44')
  })
})

describe('every verb', () => {
  test('is in the audit log with who asked', async () => {
    await open(4)
    const { id: releaseId } = await fleet.release('v43')
    const nowMs = fleet.clock.now()
    const start = { releaseId, strategy: DEFAULT_STRATEGY, actor: { id: 'ada', ip: '203.0.113.7' }, nowMs }
    fleet.db.write((tx) => startRollout(tx, fleet.services, start))
    skip('t03')
    hold()
    resume()
    takeBack()
    abort()
    const events = fleet.db.read.select().from(auditEvents).where(eq(auditEvents.subject, id())).all()
    expect(events.map(({ actor, action }) => `${actor} ${action}`)).toEqual([
      'ada rollout.started',
      'test rollout.tenant_skipped',
      'test rollout.hold_asked',
      'test rollout.resumption_asked',
      'test rollout.way_back_asked',
      'test rollout.abortion_asked',
      'atlas rollout.aborted',
    ])
    expect(events[0]?.ip).toBe('203.0.113.7')
  })
})
