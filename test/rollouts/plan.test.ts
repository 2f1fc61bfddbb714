import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { type Candidate, failuresToStopAt, planRollout } from '../../src/rollouts/plan'
import { DEFAULT_STRATEGY, parseStrategy, type Strategy } from '../../src/rollouts/strategy'

const FACTS = { draw: 'rel_1', deployMs: 60_000 }
const MINUTE = 60_000

function candidates(many: number, change: (number: number) => Partial<Candidate> = () => ({})): Candidate[] {
  return Array.from({ length: many }, (_, number) => ({
    tenantId: `ten_${number}`,
    subdomain: `t${number}`,
    formerReleaseId: null,
    formerRelease: 'v1',
    obstacle: null,
    isCanary: false,
    ...change(number),
  }))
}

const sizes = (many: number, strategy: Strategy = DEFAULT_STRATEGY) =>
  planRollout(candidates(many), strategy, FACTS).waves.map(({ size }) => size)

describe('the waves', () => {
  test('go up to where the strategy says', () => {
    expect(sizes(200)).toEqual([1, 9, 40, 150])
    expect(sizes(10_000)).toEqual([1, 499, 2_000, 7_500])
  })

  test('of a small fleet are those that have somebody in them', () => {
    expect(sizes(0)).toEqual([])
    expect(sizes(1)).toEqual([1])
    expect(sizes(2)).toEqual([1, 1])
    expect(sizes(12)).toEqual([1, 2, 9])
    expect(sizes(3, parseStrategy({ waves: '5 / 10 / 100 %' }))).toEqual([3])
  })

  test('hold everybody who takes part once, and nobody who does not', () => {
    fc.assert(
      fc.property(fc.nat(300), fc.nat(20), fc.integer({ min: 2, max: 30 }), (many, canaries, nth) => {
        const all = candidates(many, (number) => ({
          isCanary: number < canaries,
          obstacle: number % nth === 1 ? 'It is suspended.' : null,
        }))
        const { targets, waves } = planRollout(all, DEFAULT_STRATEGY, FACTS)
        const joining = targets.filter(({ obstacle }) => obstacle === null)
        expect(new Set(targets.map(({ tenantId }) => tenantId)).size).toBe(many)
        expect(targets.map(({ position }) => position)).toEqual(targets.map((_, at) => at))
        expect(waves.map(({ number }) => joining.filter(({ wave }) => wave === number).length)).toEqual(
          waves.map(({ size }) => size),
        )
        expect(waves.reduce((sum, { size }) => sum + size, 0)).toBe(joining.length)
        for (const { isCanary, wave } of joining) if (isCanary) expect(wave).toBe(0)
      }),
    )
  })

  test('begin with the canaries that were chosen, all of them', () => {
    const all = candidates(50, (number) => ({ isCanary: number === 7 || number === 30 }))
    const { targets, waves } = planRollout(all, DEFAULT_STRATEGY, FACTS)
    expect(waves.map(({ size }) => size)).toEqual([2, 1, 10, 37])
    expect(new Set(targets.slice(0, 2).map(({ subdomain }) => subdomain))).toEqual(new Set(['t7', 't30']))
  })
})

describe('the order', () => {
  const order = (draw: string) =>
    planRollout(candidates(100), DEFAULT_STRATEGY, { ...FACTS, draw }).targets.map(({ tenantId }) => tenantId)

  test('is the same for the same release, so that what a dry run says is what happens', () => {
    expect(order('rel_1')).toEqual(order('rel_1'))
  })

  test('is another for another release, so that it is not always the same who goes first', () => {
    const first = Array.from({ length: 30 }, (_, number) => order(`rel_${number}`)[0])
    expect(new Set(first).size).toBeGreaterThan(15)
  })
})

describe('when it stops', () => {
  test('is 2 failures or 2 % of the fleet, whichever is more, unless somebody says otherwise', () => {
    const at = (tenants: number, strategy: Strategy = DEFAULT_STRATEGY) => failuresToStopAt(strategy, tenants)
    expect([1, 50, 99, 149, 200, 10_000].map((many) => at(many))).toEqual([2, 2, 2, 2, 4, 200])
    expect(at(200, parseStrategy({ stop_failures: 10 }))).toBe(10)
    expect(at(200, parseStrategy({ stop_failures: 1, stop_percent: 0 }))).toBe(1)
  })
})

describe('about when', () => {
  test('each wave begins follows from what a deploy takes, how many go at a time, and the bake', () => {
    const { waves, takesMs } = planRollout(candidates(200), DEFAULT_STRATEGY, FACTS)
    expect(waves.map(({ startsAfterMs }) => startsAfterMs / MINUTE)).toEqual([0, 11, 24, 44])
    // 1, 9, 40 and 150 tenants; the first alone, then four at a time.
    expect(waves.map(({ deploysMs }) => deploysMs / MINUTE)).toEqual([1, 3, 10, 38])
    expect(takesMs / MINUTE).toBe(92)
  })
})
