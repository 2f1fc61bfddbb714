import { afterEach, describe, expect, test } from 'bun:test'
import { eq } from 'drizzle-orm'
import { runs } from '../../src/db/schema'
import { Fleet } from './fleet'

let fleet: Fleet
afterEach(() => fleet.close())

const failedRuns = () => fleet.db.read.select().from(runs).where(eq(runs.status, 'failed')).all().length

/** Until `mend`, a target can't be changed to what a condition says. */
function breakConsequences(condition: string): { mend: () => void } {
  fleet.db.sqlite.exec(`CREATE TRIGGER no_consequences BEFORE UPDATE OF state ON rollout_targets
    WHEN ${condition} BEGIN SELECT RAISE(ABORT, 'the disk is full'); END`)
  return { mend: () => fleet.db.sqlite.exec('DROP TRIGGER no_consequences') }
}

describe('a failure whose consequences could not be written', () => {
  test('has them a minute later: the rollout goes back, and the operator hears of it', async () => {
    fleet = await Fleet.open(4)
    const { mend } = breakConsequences('NEW.failed_part IS NOT NULL')
    fleet.behaves = (_, release) => (release === 'v43' ? 'health' : 'good')
    await fleet.rollOut('v43', { canaries: 't01', bake_minutes: 0 })
    await fleet.passUntil(() => failedRuns() === 1)
    expect(fleet.targets()[0]).toMatchObject({ name: 't01', state: 'deploying' })
    expect(fleet.rollout.status).toBe('running')
    mend()
    expect((await fleet.live()).status).toBe('rolled_back')
    expect(fleet.targets()[0]).toMatchObject({ state: 'back', failedPart: 'lost' })
    expect(fleet.tenant('t01').release).toBe('v42')
    expect(fleet.running()).toEqual(['v42'])
    expect(fleet.mails()).toEqual(['rollout-rolled-back'])
  })

  test('on the way back too: it is stuck, and not tried again and again', async () => {
    fleet = await Fleet.open(4)
    fleet.behaves = (name, release) => (name === 't01' && release === 'v42' ? 'health' : 'good')
    await fleet.rollOut('v43', { canaries: 't01', bake_minutes: 5 })
    await fleet.passUntil(() => fleet.states().succeeded === 1)
    const { mend } = breakConsequences(`NEW.state = 'stuck'`)
    fleet.ill.add('t01 v43')
    fleet.setHealth('t01', 'unhealthy')
    await fleet.passUntil(() => failedRuns() === 1)
    expect(fleet.targets()[0]).toMatchObject({ name: 't01', state: 'going_back' })
    mend()
    await fleet.live()
    expect(fleet.rollout.status).toBe('frozen')
    expect(fleet.targets()[0]).toMatchObject({ name: 't01', state: 'stuck' })
    expect(fleet.deployed).toEqual(['t01 v43', 't01 v42'])
  })
})
