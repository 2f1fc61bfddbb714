import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { CHECKOUT_LASTS_MS, openCheckout } from '../../src/checkouts/checkout'
import { startCheckout } from '../../src/checkouts/start'
import { replaced } from '../../src/crashtest/plain'
import { expireSignup } from '../../src/signups/signup'
import { CUSTOMER, NOT_PAID, PAID_ONCE, Till } from '../billing/till'
import { thrownBy } from '../simulator/machine-park'

const MINUTE_MS = 60_000
const CREATE = 'POST /checkout/sessions'

let till: Till
beforeEach(() => {
  till = new Till()
})
afterEach(() => till.close())

const fault = (kind: 'lose_reply' | 'refuse', change: { status?: number; times?: number } = {}) =>
  till.account.front.faults.add({ provider: 'stripe', verb: CREATE, kind, times: 1, ...change })

describe('a checkout', () => {
  test('is opened once: who comes back goes on with the same', async () => {
    const id = till.signup()
    const url = await till.open(id)
    till.clock.advance(20 * MINUTE_MS)
    expect(await till.open(id)).toBe(url)
    expect(till.sessions).toHaveLength(1)
    expect(till.row(id).checkoutExpiresAt).toBe((till.sessions[0]?.expires_at ?? 0) * 1_000)
  })

  test('whose reply was lost is found again, and is the only one', async () => {
    fault('lose_reply')
    const id = till.signup()
    expect(await thrownBy(till.open(id))).toMatchObject({ code: 'unavailable', outcome: 'unknown' })
    expect(till.row(id)).toMatchObject({ checkoutUrl: null, checkoutAttempt: 1 })
    till.clock.advance(10 * MINUTE_MS)
    const url = await till.open(id)
    expect(till.sessions).toHaveLength(1)
    expect(url).toContain(till.sessions[0]!.id)
  })

  test('that could not be opened for half an hour is asked for anew, long enough for Stripe', async () => {
    fault('lose_reply')
    const id = till.signup()
    await thrownBy(till.open(id))
    till.clock.advance(35 * MINUTE_MS)
    const url = await till.open(id)
    expect(till.row(id)).toMatchObject({ checkoutAttempt: 2, checkoutUrl: url })
    await till.pay(url)
    await till.later()
    expect(till.count()).toEqual(PAID_ONCE)
    expect(till.account.world.table('stripe_subscriptions').all()).toHaveLength(1)
  })

  test('is asked for under a new key once Stripe has remembered a failure under the old one', async () => {
    fault('refuse', { status: 500 })
    const id = till.signup()
    expect(await thrownBy(till.open(id))).toMatchObject({ code: 'unavailable' })
    expect(await thrownBy(till.open(id))).toMatchObject({ code: 'unavailable' })
    const url = await till.open(id)
    expect(till.row(id)).toMatchObject({ checkoutAttempt: 2, checkoutUrl: url })
    expect(till.sessions).toHaveLength(1)
  })

  test('is asked for under a new key when Atlas moved to another address in between', async () => {
    fault('lose_reply')
    const id = till.signup()
    await thrownBy(till.open(id))
    till.services.settings.baseUrl = 'https://moved.example.com'
    await thrownBy(till.open(id))
    const url = await till.open(id)
    expect(till.row(id)).toMatchObject({ checkoutAttempt: 2, checkoutUrl: url })
    expect(till.sessions.at(-1)?.success_url).toStartWith('https://moved.example.com/')
  })

  test('is not shown to anybody when the signup was given up while Stripe was asked', async () => {
    const id = till.signup()
    const { services, account } = till
    const payments = replaced(account.payments, {
      async createCheckout(request) {
        const checkout = await account.payments.createCheckout(request)
        services.db.write((tx) => expireSignup(tx, id, { id: 'atlas' }, services.clock.now()))
        return checkout
      },
    })
    expect(await thrownBy(openCheckout({ ...services, payments }, id))).toMatchObject({ code: 'conflict' })
    expect(till.row(id)).toMatchObject({ status: 'expired', checkoutUrl: null })
  })

  test('can’t be opened for a signup that is paid', async () => {
    const id = till.signup()
    await till.pay(await till.open(id))
    await till.later()
    expect(await thrownBy(till.open(id))).toMatchObject({ code: 'conflict' })
    expect(till.sessions).toHaveLength(1)
  })

  test('that is over without a word from Stripe is looked at before another one is opened', async () => {
    const id = till.signup()
    await till.pay(await till.open(id))
    till.clock.advance(CHECKOUT_LASTS_MS)
    expect(await thrownBy(till.open(id))).toMatchObject({ code: 'conflict' })
    expect(till.row(id).status).toBe('paid')
    expect(till.sessions).toHaveLength(1)
  })
})

describe('a name that the same person asks for again', () => {
  test('on a double click: one signup, one checkout', async () => {
    const [one, two] = await Promise.all([till.start(), till.start()])
    expect(one?.signupId).toBe(two!.signupId)
    expect(till.statuses()).toEqual(['pending'])
    expect(till.sessions.length).toBeLessThanOrEqual(1)
  })

  test('with another plan: the first checkout is closed, so that only the second can be paid', async () => {
    const first = await till.start()
    const second = await till.start({ plan: 'pro' })
    expect(till.statuses()).toEqual(['expired', 'pending'])
    expect(till.sessions.map(({ status }) => status)).toEqual(['expired', 'open'])
    await till.pay(first.url ?? '')
    await till.later()
    expect(till.count()).toEqual(NOT_PAID)
    await till.pay(second.url ?? '')
    await till.later()
    expect(till.count()).toEqual(PAID_ONCE)
    expect(till.row(second.signupId).status).toBe('paid')
  })

  test('with another plan after all was paid: what was paid stays, and nothing else is sold', async () => {
    const first = await till.start()
    await till.pay(first.url ?? '')
    expect(await thrownBy(till.start({ plan: 'pro' }))).toMatchObject({ code: 'conflict' })
    expect(till.row(first.signupId).status).toBe('paid')
    expect(till.count()).toEqual(PAID_ONCE)
    expect(till.sessions).toHaveLength(1)
  })

  test('with another plan while the bank still works on the first: nothing else is sold', async () => {
    const first = await till.start()
    await till.pay(first.url ?? '')
    const { services, account } = till
    const payments = replaced(account.payments, {
      async getCheckout(id) {
        return { ...(await account.payments.getCheckout(id)), paymentStatus: 'unpaid' as const }
      },
    })
    const again = await startCheckout(
      { ...services, payments },
      { ...CUSTOMER, plan: 'pro' },
      { id: 'visitor' },
    )
    expect(again).toEqual(first)
    expect(till.statuses()).toEqual(['pending'])
    expect(till.sessions.length).toBeLessThanOrEqual(1)
  })

  test('when Stripe can’t be reached: the signup is held, and the problem told', async () => {
    fault('refuse', { status: 429 })
    const { signupId, url, problem } = await till.start()
    expect([url, problem?.code]).toEqual([null, 'unavailable'])
    expect((await till.start()).signupId).toBe(signupId)
    expect(till.sessions).toHaveLength(1)
  })
})
