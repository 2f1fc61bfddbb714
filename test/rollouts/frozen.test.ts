import { afterEach, describe, expect, test } from 'bun:test'
import { retry, undo } from '../../src/lifecycle/mend'
import { abortRollout, resumeRollout, rollBack } from '../../src/rollouts/verbs'
import { Fleet, OPERATOR } from './fleet'

let fleet: Fleet
afterEach(() => fleet.close())

const asked = () => ({ actor: OPERATOR, nowMs: fleet.clock.now() })

/** A rollout whose third tenant fails, and whose way back from there fails too. */
async function freeze(): Promise<void> {
  fleet = await Fleet.open(12)
  fleet.behaves = (name, release) => (name === 't05' && release === 'v43' ? 'stuck' : 'good')
  await fleet.rollOut('v43', { canaries: 't01 t02', waves: '2 / 100 %', bake_minutes: 0, concurrency: 1 })
  await fleet.live()
}

describe('when the way back fails too', () => {
  test('everything freezes, the operator is told once, and nobody else is touched', async () => {
    await freeze()
    const before = [...fleet.deployed]
    expect(fleet.rollout).toMatchObject({
      status: 'frozen',
      reason: 'The way back of 1 tenant failed too. Nobody else is touched until you have looked.',
    })
    await fleet.pass(60)
    expect(fleet.rollout.status).toBe('frozen')
    expect(fleet.deployed).toEqual(before)
    expect(fleet.mails()).toEqual(['rollout-frozen'])
    const mail = fleet.stage.mails().at(-1)
    expect(mail?.subject).toBe('Atlas: v43 is frozen half-way')
    expect(mail?.text).toContain('t05: The server says: It failed at health.')
  })

  test('a resumption tries that way back once more, and the rollout goes on as it went', async () => {
    await freeze()
    fleet.db.write((tx) => resumeRollout(tx, fleet.rollout.id, asked()))
    expect((await fleet.live()).status).toBe('succeeded')
    const { back = 0, succeeded = 0 } = fleet.states()
    expect({ back, succeeded }).toEqual({ back: 1, succeeded: 11 })
    expect(fleet.deployed.filter((one) => one.startsWith('t05'))).toEqual(['t05 v43', 't05 v42'])
  })

  test('it freezes again, and tells again, when that fails too', async () => {
    await freeze()
    fleet.behaves = (name) => (name === 't05' ? 'stuck' : 'good')
    fleet.db.write((tx) => resumeRollout(tx, fleet.rollout.id, asked()))
    expect((await fleet.live()).status).toBe('frozen')
    expect(fleet.mails()).toEqual(['rollout-frozen', 'rollout-frozen'])
  })

  test('a person may mend the tenant’s run, and the rollout knows', async () => {
    await freeze()
    const { runId } = fleet.targets().find(({ name }) => name === 't05') ?? {}
    fleet.behaves = () => 'good'
    fleet.db.write((tx) => retry(tx, fleet.services, runId ?? '', OPERATOR, fleet.clock.now()))
    await fleet.pass(2)
    expect(fleet.states().stuck).toBeUndefined()
    expect(fleet.tenant('t05').release).toBe('v43')
    fleet.db.write((tx) => resumeRollout(tx, fleet.rollout.id, asked()))
    expect((await fleet.live()).status).toBe('succeeded')
  })

  test('or undo it', async () => {
    await freeze()
    const { runId } = fleet.targets().find(({ name }) => name === 't05') ?? {}
    fleet.db.write((tx) => undo(tx, fleet.services, runId ?? '', OPERATOR, fleet.clock.now()))
    await fleet.pass(2)
    expect(fleet.targets().find(({ name }) => name === 't05')).toMatchObject({ state: 'back' })
    expect(fleet.machines.get('198.18.0.5')?.release).toBe('v42')
  })

  test('everybody can be taken back, or be left as they are', async () => {
    await freeze()
    fleet.behaves = () => 'good'
    fleet.db.write((tx) => rollBack(tx, fleet.rollout.id, asked()))
    expect((await fleet.live()).status).toBe('rolled_back')
    expect(fleet.running()).toEqual(['v42'])
    await fleet.close()
    await freeze()
    const before = [...fleet.deployed]
    fleet.db.write((tx) => abortRollout(tx, fleet.services, fleet.rollout.id, asked()))
    await fleet.pass(60)
    expect(fleet.rollout.status).toBe('aborted')
    expect(fleet.deployed).toEqual(before)
    expect(fleet.mails()).toEqual(['rollout-frozen', 'rollout-aborted'])
  })
})

describe('on the way back of all', () => {
  test('one that fails freezes the others, which stay as they are', async () => {
    fleet = await Fleet.open(12)
    await fleet.rollOut('v43', { bake_minutes: 0, stop_failures: 12 })
    await fleet.live()
    fleet.behaves = (name) => (name === 't03' ? 'stuck' : 'good')
    fleet.db.write((tx) => rollBack(tx, fleet.rollout.id, asked()))
    const { status } = await fleet.live()
    expect(status).toBe('frozen')
    const { back = 0, stuck = 0, succeeded = 0 } = fleet.states()
    expect(stuck).toBe(1)
    expect(back + stuck + succeeded).toBe(12)
    expect(fleet.mails()).toEqual(['rollout-succeeded', 'rollout-frozen'])
  })
})
