import { beforeAll, describe, expect, test } from 'bun:test'
import { openShop } from '../../src/crashtest/bases'
import { chanceFrom } from '../../src/crashtest/chance'
import { KINDS, Trial } from '../../src/crashtest/kinds'
import { unlike } from '../../src/crashtest/plain'
import type { Shop } from '../../src/crashtest/shop'

const TIMEOUT_MS = 60_000
const STORIES_OF_MANY_CRASHES = 15
const LIVES = 8
const LIFE_MOMENTS_MAX = 25
const LOST = 'reply lost'

// CRASH_SEED=... brings the same deaths again.
const seed = Number(process.env.CRASH_SEED ?? 20_261_122)

let shop: Shop
let provision: Trial
beforeAll(async () => {
  shop = await openShop()
  provision = await trialOf('provision')
})

function trialOf(name: string): Promise<Trial> {
  return Trial.of(shop, KINDS.find((kind) => kind.name === name)!)
}

describe('a lost reply is asked for again, and nothing is done twice:', () => {
  test.each([
    'hetzner POST /firewalls',
    'hetzner POST /servers',
    'machine status',
    'machine host-key',
    'route53 ChangeResourceRecordSets',
    'machine settings',
    'machine start',
    'resend POST /emails',
  ])('%s', async (call) => {
    const weather = [{ call, nth: 1, how: LOST }]
    const { wrong, strikes } = await provision.run([], { story: { weather } })
    expect(wrong).toEqual([])
    expect(strikes).toEqual(weather)
  })

  test('the host key was activated, its reply lost, and the server then refuses a connection', async () => {
    const weather = [
      { call: 'machine host-key', nth: 2, how: LOST },
      { call: 'machine connect', nth: 2, how: 'unreachable' },
    ]
    const { wrong, strikes } = await provision.run([], { story: { weather } })
    expect(wrong).toEqual([])
    expect(strikes).toEqual(weather)
  })
})

test(
  `many crashes in one provisioning (CRASH_SEED=${seed})`,
  async () => {
    const chance = chanceFrom(seed)
    for (let number = 1; number <= STORIES_OF_MANY_CRASHES; number++) {
      const deaths = Array.from({ length: LIVES }, () => Math.floor(chance() * LIFE_MOMENTS_MAX))
      const { wrong, moments } = await provision.run(deaths)
      expect({ deaths, wrong }).toEqual({ deaths, wrong: [] })
      expect(moments.length).toBeGreaterThan(2)
    }
  },
  TIMEOUT_MS,
)

test('a restore that goes on after a crash waits for the rebuild that it has asked for', async () => {
  const { wrong, trace } = await (await trialOf('restore-image')).run(['after ssh rotate'])
  expect(wrong).toEqual([])
  expect(trace.filter((line) => line.includes('/actions/rebuild -> 201'))).toHaveLength(1)
})

describe('an Atlas that finds nothing again is noticed', () => {
  test('by nobody without a crash', async () => {
    expect((await provision.run([], { change: unlike })).wrong).toEqual([])
  })

  test.each([
    ['hetzner POST /servers', 'has 2 servers'],
    ['ssh start', 'ran twice'],
    ['resend POST /emails', 'got 2 welcome mails'],
  ])('after %s', async (call, words) => {
    const { wrong } = await provision.run([`after ${call}`], { change: unlike })
    expect(wrong.join()).toContain(words)
  })
})
