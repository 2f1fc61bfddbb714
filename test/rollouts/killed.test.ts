import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { Killed } from './killed'

const KILLS_MIN = 5
const PHASES_MIN = 2
const TIMEOUT_MS = 240_000

// CRASH_SEED=... brings the same kills again, as far as the machine does.
const seed = Number(process.env.CRASH_SEED ?? 20_261_122)

describe(`kill -9 in the middle of rollouts (CRASH_SEED=${seed})`, () => {
  let killed: Killed
  let good = ''
  let bad = ''
  let between: Record<string, number> = {}

  beforeAll(async () => {
    killed = await Killed.open(['ada', 'bob', 'cleo'], seed)
    good = await killed.rollOut('v43', '--migration', 'expand', '--canary', 'ada')
    between = killed.deploys()
    bad = await killed.rollOut('v44', '--migration', 'none', '--canary', 'bob')
  }, TIMEOUT_MS)
  afterAll(() => killed?.end())

  test('a good release reaches everybody, each by one deploy', () => {
    expect(good).toBe('succeeded')
    expect(between).toEqual({ ada: 1, bob: 1, cleo: 1 })
  })

  test('a bad one breaks the canary, which goes back by itself; nobody else hears of it', () => {
    expect(bad).toBe('rolled_back')
    expect(killed.deploys()).toEqual({ ada: 1, bob: 2, cleo: 1 })
    expect(killed.running()).toEqual(['v43'])
  })

  test('the operator is told of each once, and nothing broke that Atlas did not foresee', async () => {
    expect(await killed.mails()).toEqual(['Atlas: v43 is rolled out', 'Atlas: v44 was taken back'])
    expect(killed.complaints()).toEqual([])
  })

  test('the kills hit different phases, a deploy that was under way among them', () => {
    expect(killed.hits.length).toBeGreaterThanOrEqual(KILLS_MIN)
    expect(new Set(killed.hits).size).toBeGreaterThanOrEqual(PHASES_MIN)
    expect(killed.hits.join()).toContain('running deploy')
  })
})
