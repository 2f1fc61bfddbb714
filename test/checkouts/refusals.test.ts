import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { failedCheckouts } from '../../src/checkouts/failed'
import { sweepCheckouts } from '../../src/checkouts/sweep'
import type { Subscription } from '../../src/simulator/stripe/billing'
import type { Price } from '../../src/simulator/stripe/objects'
import type { Session } from '../../src/simulator/stripe/session'
import { NOT_PAID, Till } from '../billing/till'
import { thrownBy } from '../simulator/machine-park'

let till: Till
beforeEach(() => {
  till = new Till()
})
afterEach(() => till.close())

describe('what Stripe holds against Atlas itself', () => {
  const key = { provider: 'stripe', verb: 'POST /checkout/sessions', kind: 'refuse', times: 1 } as const

  test('is “later” for the customer, in words that tell nothing, and the operator sees the reason', async () => {
    till.account.front.faults.add({ ...key, status: 401, code: 'api_key_expired' })
    const id = till.signup()
    const thrown = await thrownBy(till.open(id))
    expect(thrown).toMatchObject({ code: 'unavailable' })
    expect(thrown.message).not.toMatch(/key|Stripe/i)
    const [shown] = failedCheckouts(till.db.read, 10)
    expect(shown).toMatchObject({ subdomain: till.row(id).subdomain, email: till.row(id).email })
    expect(shown?.error).toMatch(/key/i)
  })

  test('is “later” too where an older checkout is looked at or closed', async () => {
    const look = { ...key, verb: 'GET /checkout/sessions/:id', status: 401 }
    const close = { ...key, verb: 'POST /checkout/sessions/:id/expire', status: 401 }
    const first = await till.start()
    till.account.front.faults.add(close)
    expect(await thrownBy(till.start({ plan: 'pro' }))).toMatchObject({ code: 'unavailable' })
    till.clock.advance(2 * 3_600_000)
    till.account.front.faults.add(look)
    const thrown = await thrownBy(till.open(first.signupId))
    expect(thrown).toMatchObject({ code: 'unavailable' })
    expect(thrown.message).not.toMatch(/key|Stripe/i)
  })

  test('is over once the customer came through', async () => {
    till.account.front.faults.add({ ...key, status: 401 })
    const id = till.signup()
    await thrownBy(till.open(id))
    await till.open(id)
    expect(failedCheckouts(till.db.read, 10)).toEqual([])
  })

  test.each([
    ['amount', { unit_amount: 3900, unit_amount_decimal: '3900' }],
    ['currency', { currency: 'eur' }],
  ])('such as a price of another %s is noticed before anybody is charged', async (_, change) => {
    const prices = till.account.world.table<Price>('stripe_prices')
    const price = prices.get('price_starter')
    if (!price) throw new Error('the stage has no such price')
    prices.put({ ...price, ...change })
    const id = till.signup()
    expect(await thrownBy(till.open(id))).toMatchObject({ code: 'unavailable' })
    expect(till.sessions).toHaveLength(0)
    expect(failedCheckouts(till.db.read, 10)[0]?.error).toContain('not that of the plan')
  })
})

test('a signup whose bank said no in the end gives its name free', async () => {
  const id = till.signup()
  await till.pay(await till.open(id))
  const { world } = till.account
  const sessions = world.table<Session>('stripe_sessions')
  const session = sessions.all()[0]!
  sessions.put({ ...session, payment_status: 'unpaid' })
  const subscriptions = world.table<Subscription>('stripe_subscriptions')
  const subscription = subscriptions.all()[0]!

  subscriptions.put({ ...subscription, status: 'incomplete' })
  till.clock.advance(2 * 3_600_000)
  await sweepCheckouts(till.services)
  expect(till.row(id).status).toBe('pending')

  subscriptions.put({ ...subscription, status: 'incomplete_expired' })
  await sweepCheckouts(till.services)
  expect(till.row(id).status).toBe('expired')
  expect(till.count()).toEqual(NOT_PAID)
})
