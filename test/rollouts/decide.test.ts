import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { allowanceOf, decide, type Snapshot, type Waiting } from '../../src/rollouts/decide'

const MINUTE = 60_000
const NOW = 1_000_000_000

const waiting = (many: number, change: (number: number) => Partial<Waiting> = () => ({})): Waiting[] =>
  Array.from({ length: many }, (_, number) => ({
    tenantId: `ten_${number}`,
    isBusy: false,
    obstacle: null,
    ...change(number),
  }))

const snapshot = (change: Partial<Snapshot> = {}): Snapshot => ({
  status: 'running',
  canGoBack: true,
  stopAt: 4,
  concurrency: 10,
  bakeMs: 10 * MINUTE,
  wave: 1,
  waves: 4,
  waveDoneAt: null,
  deploying: 0,
  goingBack: 0,
  worked: 1,
  failed: 0,
  stuck: 0,
  workedInWave: 0,
  unseenInWave: 0,
  waiting: [],
  returning: [],
  sick: [],
  ...change,
})

const kinds = (change: Partial<Snapshot>, nowMs = NOW) =>
  decide(snapshot(change), nowMs).map(({ kind }) => kind)
const begun = (change: Partial<Snapshot>) => kinds(change).filter((kind) => kind === 'deploy').length

describe('how many are begun', () => {
  test('is one at a time until the release has worked, and in a first wave that others follow', () => {
    expect(begun({ wave: 0, worked: 0, waiting: waiting(5) })).toBe(1)
    expect(begun({ wave: 0, worked: 0, deploying: 1, waiting: waiting(5) })).toBe(0)
    expect(begun({ wave: 0, worked: 3, waiting: waiting(5) })).toBe(1)
    expect(begun({ wave: 0, waves: 1, worked: 0, waiting: waiting(5) })).toBe(1)
    expect(begun({ wave: 0, waves: 1, worked: 1, waiting: waiting(5) })).toBe(4)
    expect(begun({ wave: 2, worked: 0, waiting: waiting(5) })).toBe(1)
  })

  test('is no more than may still fail, counting what is in flight as failed', () => {
    expect(begun({ waiting: waiting(20) })).toBe(4)
    expect(begun({ failed: 1, waiting: waiting(20) })).toBe(3)
    expect(begun({ failed: 1, deploying: 2, waiting: waiting(20) })).toBe(1)
    expect(begun({ failed: 3, deploying: 1, waiting: waiting(20) })).toBe(0)
  })

  test('is no more than the concurrency leaves', () => {
    expect(begun({ stopAt: 200, waiting: waiting(20) })).toBe(10)
    expect(begun({ stopAt: 200, deploying: 7, goingBack: 2, waiting: waiting(20) })).toBe(1)
  })

  test('never lets more fail than may, whatever it is told and whatever fails of what is in flight', () => {
    const counts = fc.record({
      stopAt: fc.integer({ min: 1, max: 300 }),
      concurrency: fc.integer({ min: 1, max: 50 }),
      wave: fc.nat(3),
      waves: fc.integer({ min: 1, max: 4 }),
      worked: fc.nat(5),
      failed: fc.nat(300),
      deploying: fc.nat(50),
      goingBack: fc.nat(10),
    })
    fc.assert(
      fc.property(counts, fc.nat(60), (change, many) => {
        const now = snapshot({ ...change, waiting: waiting(many) })
        const more = begun(now)
        if (more === 0) return
        expect(now.failed + now.deploying + more).toBeLessThanOrEqual(allowanceOf(now))
        expect(now.deploying + now.goingBack + more).toBeLessThanOrEqual(now.concurrency)
      }),
    )
  })
})

describe('who waits', () => {
  test('is set aside when it can’t take part, passed over while it is busy', () => {
    const crowd = [
      ...waiting(1, () => ({ tenantId: 'ten_suspended', obstacle: 'It is suspended.' })),
      ...waiting(1, () => ({ tenantId: 'ten_busy', isBusy: true })),
      ...waiting(1, () => ({ tenantId: 'ten_free' })),
    ]
    expect(decide(snapshot({ stopAt: 1, waiting: crowd }), NOW)).toEqual([
      { kind: 'set_aside', tenantId: 'ten_suspended', reason: 'It is suspended.' },
      { kind: 'deploy', tenantId: 'ten_free' },
      { kind: 'look_again', atMs: NOW + 10_000 },
    ])
  })

  test('keeps the wave from ending', () => {
    expect(kinds({ waiting: waiting(3, () => ({ isBusy: true })) })).toEqual(['look_again'])
    expect(kinds({ waiting: waiting(3), deploying: 4 })).toEqual([])
  })
})

describe('at its end a wave', () => {
  const over = { workedInWave: 5 }

  test('is watched before the next one begins', () => {
    expect(kinds(over)).toEqual(['bake'])
    expect(kinds({ ...over, waveDoneAt: NOW - MINUTE })).toEqual(['look_again'])
    expect(decide(snapshot({ ...over, waveDoneAt: NOW - 10 * MINUTE }), NOW)).toEqual([
      { kind: 'next_wave', wave: 2 },
    ])
  })

  test('is not watched when nobody got the release, or when no time is to be lost', () => {
    expect(kinds({})).toEqual(['next_wave'])
    expect(kinds({ ...over, bakeMs: 0 })).toEqual(['next_wave'])
  })

  test('is watched until everybody was seen well, and held when that takes too long', () => {
    const unseen = { ...over, unseenInWave: 1 }
    expect(kinds({ ...unseen, waveDoneAt: NOW - 11 * MINUTE })).toEqual(['look_again'])
    expect(kinds({ ...unseen, waveDoneAt: NOW - 26 * MINUTE })).toEqual(['hold'])
  })

  test('and as the last one, is the end', () => {
    const last = { ...over, wave: 3, waveDoneAt: NOW - 10 * MINUTE }
    expect(decide(snapshot(last), NOW)).toEqual([{ kind: 'finish', status: 'succeeded' }])
  })
})

describe('when enough have failed', () => {
  test('it turns back, one failure being enough before the release has worked', () => {
    expect(kinds({ failed: 4, waiting: waiting(3) })).toEqual(['turn_back'])
    expect(kinds({ failed: 1, worked: 0, waiting: waiting(3) })).toEqual(['turn_back'])
    expect(kinds({ failed: 1, wave: 0, waiting: waiting(3) })).toEqual(['turn_back'])
  })

  test('it ends where it stands if there is no way back, once nothing is in flight', () => {
    expect(kinds({ failed: 4, canGoBack: false, deploying: 1, waiting: waiting(3) })).toEqual([])
    expect(decide(snapshot({ failed: 4, canGoBack: false }), NOW)).toEqual([
      { kind: 'finish', status: 'stopped', reason: 'It stopped by itself: 4 tenants failed by wave 2 of 4.' },
    ])
  })

  test('that were well at first, each is counted before anything else', () => {
    const sick = [{ tenantId: 'ten_1', reason: 'It is down.' }]
    expect(kinds({ sick, waiting: waiting(3) })).toEqual(['count_as_failed'])
  })
})

describe('on the way back', () => {
  const back = { status: 'going_back' as const }

  test('those who have the release are taken back, as many at a time as were deployed', () => {
    expect(kinds({ ...back, returning: waiting(20), deploying: 3, goingBack: 5 })).toEqual([
      'take_back',
      'take_back',
    ])
  })

  test('nobody is deployed any more, and the end is when all are back', () => {
    expect(kinds({ ...back, waiting: waiting(5), deploying: 1 })).toEqual([])
    expect(kinds({ ...back, waiting: waiting(5) })).toEqual(['finish'])
  })

  test('who runs nothing any more is left alone', () => {
    const returning = waiting(1, () => ({ obstacle: 'It is suspended.' }))
    expect(kinds({ ...back, returning })).toEqual(['set_aside'])
  })

  test('a lost one does not wait for the others', () => {
    expect(kinds({ returning: waiting(1), deploying: 1 })).toEqual(['take_back'])
  })
})

describe('when a way back has failed', () => {
  test('nothing is begun, whichever way it goes', () => {
    for (const status of ['running', 'going_back'] as const)
      expect(kinds({ status, stuck: 1, waiting: waiting(3), returning: waiting(3) })).toEqual(['freeze'])
  })
})

describe('what is held or frozen', () => {
  test('waits for a person', () => {
    for (const status of ['held', 'frozen'] as const)
      expect(kinds({ status, waiting: waiting(3), returning: waiting(3), failed: 9, stuck: 1 })).toEqual([])
  })
})
