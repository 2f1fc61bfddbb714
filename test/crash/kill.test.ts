import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { checkStory } from '../../src/cli/story-check'
import { startMirror } from './double'
import { Killing } from './killing'
import { leftovers, readClouds } from './leftovers'

const KILLS = 50
const PHASES_MIN = 8
const TIMEOUT_MS = 170_000

// CRASH_SEED=... brings the same kills again, as far as the machine does.
const seed = Number(process.env.CRASH_SEED ?? 20_261_122)

describe(`kill -9 at ${KILLS} random moments (CRASH_SEED=${seed})`, () => {
  let killing: Killing

  beforeAll(async () => {
    killing = await Killing.done({ kills: KILLS, seed })
  }, TIMEOUT_MS)
  afterAll(() => killing?.end())

  test('every story ends with exactly one of everything; nothing is left over, unfinished or complained of', async () => {
    expect(await killing.problems()).toEqual([])
    expect(killing.hits).toHaveLength(KILLS)
  })

  test('both checks notice a cloud that holds everything twice', async () => {
    const { clouds, customers, db } = killing
    const twice = await startMirror(clouds.url)
    try {
      const problems = await checkStory(db, twice.url, customers[0]!)
      expect(problems).toEqual([
        'Hetzner has 2 servers instead of one',
        'Route 53 has 2 records instead of one',
        'Stripe has 2 subscriptions instead of one',
        '2 welcome mails were accepted instead of one',
      ])
      expect(leftovers(db, await readClouds(twice.url)).length).toBeGreaterThanOrEqual(3 * customers.length)
    } finally {
      await twice.stop()
    }
  })

  test('every webhook that was acknowledged is there, once', () => {
    expect(killing.forgotten()).toEqual([])
    expect(killing.webhooks.acknowledged.length).toBeGreaterThan(KILLS)
  })

  test('the database is whole', () => {
    expect(killing.integrity()).toBe('ok')
  })

  test('the kills hit many different phases, the one between payment and approval among them', () => {
    const phases = new Set(killing.hits)
    expect([...phases]).toContain('between payment and approval')
    expect(phases.size).toBeGreaterThanOrEqual(PHASES_MIN)
  })
})
