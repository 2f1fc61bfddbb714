import { describe, expect, test } from 'bun:test'
import { Dead, Fate, MortalDb } from '../../src/crashtest/fate'
import { change } from '../../src/crashtest/life'
import type { Machines } from '../../src/providers/machines'
import type { Services } from '../../src/services'
import { type Behaviour, Fleet } from './fleet'

type Told = {
  moments: string[]
  status: string
  states: Record<string, number>
  deployed: string[]
  mails: string[]
}

type Tale = { name: string; size: number; behaves: (name: string, release: string) => Behaviour }

/** Tells of one rollout in which Atlas dies at a moment, by its number, and starts again. */
async function tell({ size, behaves }: Tale, deathAt?: number): Promise<Told> {
  const fleet = await Fleet.open(size)
  try {
    fleet.behaves = behaves
    const fate = new Fate(deathAt)
    await fleet.end()
    await fleet.rollOut('v43', { canaries: 't01', bake_minutes: 1, stop_failures: 2 })
    try {
      fleet.begin(mortal(fleet.services, fate))
    } catch (thrown) {
      if (!(thrown instanceof Dead)) throw thrown
    }
    const hasEnded = () => fate.isDead || !['running', 'going_back'].includes(fleet.rollout.status)
    await fleet.passUntil(hasEnded)
    if (fate.isDead) await fleet.end()
    if (fate.isDead) fleet.begin()
    const { status } = await fleet.live()
    return {
      moments: fate.moments,
      status,
      states: fleet.states(),
      deployed: fleet.deployed.toSorted(),
      mails: fleet.mails(),
    }
  } finally {
    await fleet.close()
  }
}

/** One process's view of the world, which it is cut off from when it dies. */
function mortal(services: Services, fate: Fate): Services {
  const { machines } = services
  const run: Machines['run'] = (target, command, options) => {
    const ask = () => machines.run(target, command, options)
    return command.verb === 'status' ? ask() : change(fate, `ssh ${command.verb}`, ask)
  }
  return { ...services, db: new MortalDb(services.db.sqlite, fate), machines: { ...machines, run } }
}

const TALES: Tale[] = [
  { name: 'a good release', size: 2, behaves: () => 'good' },
  {
    name: 'a release that is bad for all but the first',
    size: 3,
    behaves: (name, release) => (release === 'v43' && name !== 't01' ? 'health' : 'good'),
  },
]

describe.each(TALES)('Atlas may die at any moment of $name', (tale) => {
  test('and it ends as if nothing had been, with nobody deployed twice and one mail', async () => {
    const { moments, ...calm } = await tell(tale)
    expect(moments.filter((moment) => moment === 'commit').length).toBeGreaterThan(20)
    const differing: string[] = []
    for (const [at, moment] of moments.entries()) {
      const { moments: passed, ...told } = await tell(tale, at)
      // Whoever was just being deployed is attached to by the next process: nothing is deployed anew.
      if (!Bun.deepEquals(told, calm)) differing.push(`${at} ${moment}: ${JSON.stringify(told)}`)
      expect(passed).toHaveLength(at + 1)
    }
    expect(differing).toEqual([])
  }, 120_000)
})
