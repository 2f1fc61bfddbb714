import { expect, test } from 'bun:test'
import { ManualClock } from '../../../src/clock'
import { RateBudget } from '../../../src/providers/hetzner/budget'

test('the account takes off what is still on its way, and keeps the last requests for writes', async () => {
  const budget = new RateBudget(new ManualClock())
  for (let n = 0; n < 3; n++) await budget.take('read')
  budget.settle(new Headers({ 'ratelimit-limit': '100', 'ratelimit-remaining': '4' }))
  // Two of the four are spoken for: too few for a read, which leaves two to others, and enough for a write.
  expect(budget.waitMs('read')).toBe(36_000)
  expect(budget.waitMs('write')).toBe(0)
})

test('a clock that is put back by an hour uses up none of the hour’s requests', async () => {
  const clock = new ManualClock()
  const budget = new RateBudget(clock)
  await budget.take('read')
  budget.settle(new Headers({ 'ratelimit-limit': '3600', 'ratelimit-remaining': '1000' }))
  clock.advance(-3_600_000)
  expect(budget.waitMs('read')).toBe(0)
  budget.settle(new Headers({ 'ratelimit-limit': '3600', 'ratelimit-remaining': '0' }))
  clock.advance(-3_600_000)
  const waitMs = budget.waitMs('write')
  expect(waitMs).toBeLessThan(10_000)
  clock.advance(waitMs)
  expect(budget.waitMs('write')).toBe(0)
})
