import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { CHECKOUT_LASTS_MS } from '../../src/checkouts/checkout'
import { sweepCheckouts } from '../../src/checkouts/sweep'
import { replaced } from '../../src/crashtest/plain'
import { signups } from '../../src/db/schema'
import { unavailable } from '../../src/errors'
import { PAID_ONCE, Till } from '../billing/till'

const MINUTE_MS = 60_000

let till: Till
beforeEach(() => {
  till = new Till()
})
afterEach(() => till.close())

describe('the sweep of unpaid signups', () => {
  test('finds a payment whose event never came', async () => {
    till.account.front.faults.add({ provider: 'stripe', verb: 'webhook', kind: 'refuse', times: 100 })
    const id = till.signup()
    await till.pay(await till.open(id))
    await till.later(CHECKOUT_LASTS_MS + MINUTE_MS)
    expect(till.row(id).status).toBe('pending')
    await sweepCheckouts(till.services)
    expect(till.row(id).status).toBe('paid')
    expect(till.count()).toEqual(PAID_ONCE)
  })

  test('gives a name free when its checkout ended unpaid, and not before', async () => {
    till.account.front.faults.add({ provider: 'stripe', verb: 'webhook', kind: 'refuse', times: 100 })
    const id = till.signup()
    await till.open(id)
    till.clock.advance(CHECKOUT_LASTS_MS - MINUTE_MS)
    await sweepCheckouts(till.services)
    expect(till.row(id).status).toBe('pending')
    till.clock.advance(2 * MINUTE_MS)
    await sweepCheckouts(till.services)
    expect(till.row(id).status).toBe('expired')
    expect(() => till.signup()).not.toThrow()
  })

  test('gives a name free that nobody went on to pay for', async () => {
    const id = till.signup()
    till.clock.advance(CHECKOUT_LASTS_MS - 1)
    await sweepCheckouts(till.services)
    expect(till.row(id).status).toBe('pending')
    till.clock.advance(2)
    await sweepCheckouts(till.services)
    expect(till.row(id).status).toBe('expired')
  })

  test('leaves alone who has just come back to pay, however old the signup', async () => {
    const id = till.signup()
    till.clock.advance(CHECKOUT_LASTS_MS + MINUTE_MS)
    till.account.front.faults.add({
      provider: 'stripe',
      verb: 'POST /checkout/sessions',
      kind: 'lose_reply',
      times: 1,
    })
    await till.open(id).catch(() => undefined)
    await sweepCheckouts(till.services)
    expect(till.row(id).status).toBe('pending')
    await till.pay(await till.open(id))
    await till.later()
    expect(till.row(id).status).toBe('paid')
  })

  test('comes to everybody, also when many can’t be looked at', async () => {
    const { services, account, clock, db } = till
    const id = till.signup()
    await till.open(id)
    const stuck = Array.from({ length: 60 }, (_, i) => ({
      ...till.row(id),
      id: `sig_0stuck${i}`,
      subdomain: `stuck-${i}`,
      skeleton: `stuck-${i}`,
      checkoutId: `cs_stuck_${i}`,
      createdAt: clock.now() - 1,
    }))
    db.write((tx) => tx.insert(signups).values(stuck).run())
    clock.advance(CHECKOUT_LASTS_MS + MINUTE_MS)
    const payments = replaced(account.payments, {
      getCheckout: (checkoutId) =>
        checkoutId.startsWith('cs_stuck')
          ? Promise.reject(unavailable('Stripe failed.'))
          : account.payments.getCheckout(checkoutId),
    })
    for (let sweeps = 0; sweeps < 40 && till.row(id).status === 'pending'; sweeps++) {
      await sweepCheckouts({ ...services, payments })
    }
    expect(till.row(id).status).toBe('expired')
    expect(till.stage.lines.join()).toContain('could not be looked at')
  })
})
