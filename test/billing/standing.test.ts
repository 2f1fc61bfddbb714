import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { GRACE_PERIOD_MS, graceEndsAt, isOverdue, wantedStanding } from '../../src/billing/standing'

const DAY_MS = 86_400_000
/** The Friday before clocks in Berlin go back an hour: a week of 169 hours there, of 168 here. */
const SINCE = Date.UTC(2026, 9, 23, 12)
const PAST_DUE = { status: 'past_due', unpaidSince: SINCE }
const UNPAID = { standing: 'suspended', because: 'unpaid' } as const
const CANCELED = { standing: 'suspended', because: 'canceled' } as const
const ACTIVE = { standing: 'active' } as const

describe('the standing that a subscription wants', () => {
  test.each([
    ['at once', 0, ACTIVE],
    ['6 d 23:59', 7 * DAY_MS - 60_000, ACTIVE],
    ['6 d 23:59:59.999', 7 * DAY_MS - 1, ACTIVE],
    ['7 d', 7 * DAY_MS, UNPAID],
    ['7 d + 1 s', 7 * DAY_MS + 1_000, UNPAID],
    ['a year', 365 * DAY_MS, UNPAID],
  ])('past due for %s', (_, unpaidForMs, wanted) => {
    expect(wantedStanding(PAST_DUE, SINCE + unpaidForMs)).toEqual(wanted)
  })

  test.each([
    ['active', ACTIVE],
    ['trialing', ACTIVE],
    ['incomplete', ACTIVE],
    ['paused', ACTIVE],
    ['unpaid', UNPAID],
    ['canceled', CANCELED],
    ['incomplete_expired', CANCELED],
  ])('with the status %s, whatever is owed', (status, wanted) => {
    for (const unpaidSince of [null, SINCE, 0]) {
      expect(wantedStanding({ status, unpaidSince }, SINCE)).toEqual(wanted)
    }
  })

  test('past due with nothing to pay is no reason', () => {
    expect(wantedStanding({ status: 'past_due', unpaidSince: null }, SINCE + 365 * DAY_MS)).toEqual(ACTIVE)
  })

  test('is never suspended early, and once suspended stays so while nothing is paid', () => {
    const moment = fc.integer({ min: -GRACE_PERIOD_MS, max: 3 * GRACE_PERIOD_MS })
    fc.assert(
      fc.property(moment, moment, (one, other) => {
        const [earlier, later] = [Math.min(one, other), Math.max(one, other)]
        const at = (ms: number) => wantedStanding(PAST_DUE, SINCE + ms).standing
        expect(at(earlier) === 'suspended').toBe(earlier >= GRACE_PERIOD_MS)
        if (at(earlier) === 'suspended') expect(at(later)).toBe('suspended')
      }),
    )
  })
})

test('patience ends exactly when the standing changes', () => {
  const endsAt = graceEndsAt(PAST_DUE)!
  expect([endsAt - 1, endsAt].map((at) => wantedStanding(PAST_DUE, at).standing)).toEqual([
    'active',
    'suspended',
  ])
  expect(graceEndsAt({ status: 'active', unpaidSince: SINCE })).toBeNull()
  expect(isOverdue({ status: 'active', unpaidSince: SINCE })).toBe(false)
})
