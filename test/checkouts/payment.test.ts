import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { eq } from 'drizzle-orm'
import { syncCheckout } from '../../src/checkouts/checkout'
import { replaced } from '../../src/crashtest/plain'
import { inbox, organizations, outbox, payments, subscriptions, tenants } from '../../src/db/schema'
import { approveSignup } from '../../src/lifecycle/approve'
import type { Checkout } from '../../src/providers/payments'
import { expireSignup } from '../../src/signups/signup'
import { NOT_PAID, PAID_ONCE, Till } from '../billing/till'
import { thrownBy } from '../simulator/machine-park'

const DECLINED = '4000 0000 0000 0002'

let till: Till
beforeEach(() => {
  till = new Till()
})
afterEach(() => till.close())

/** A signup whose customer has just paid; no event has arrived. */
async function paid(): Promise<{ id: string; checkoutId: string }> {
  const id = till.signup()
  await till.pay(await till.open(id))
  return { id, checkoutId: till.row(id).checkoutId ?? '' }
}

describe('a payment', () => {
  test('becomes organization, owner, subscription and payment when its event arrives', async () => {
    const { id } = await paid()
    expect(till.row(id).status).toBe('pending')
    await till.later()
    expect(till.row(id)).toMatchObject({ status: 'paid', paidAt: expect.any(Number) })
    expect(till.count()).toEqual(PAID_ONCE)
    const subscription = till.db.read.select().from(subscriptions).get()
    const [theirs] = till.account.world.table<{ id: string; customer: string }>('stripe_subscriptions').all()
    expect(subscription).toMatchObject({ stripeId: theirs?.id, status: 'active', priceId: 'price_starter' })
    expect(till.db.read.select().from(organizations).get()?.stripeCustomerId).toBe(theirs!.customer)
    expect(till.db.read.select().from(payments).get()).toMatchObject({
      amount: 2_900,
      currency: 'usd',
      status: 'paid',
    })
  })

  test('counts once, however late, often and in whatever order its events arrive', async () => {
    till.account.twin.disorder({ spreadMs: 60_000, duplicateShare: 1 })
    const { id, checkoutId } = await paid()
    for (let i = 0; i < 70; i++) await till.later(1_000)
    await syncCheckout(till.services, checkoutId)
    const kept = till.db.read.select().from(inbox).all()
    expect(kept.length).toBeGreaterThan(3)
    expect(kept.every(({ status }) => ['processed', 'ignored'].includes(status))).toBe(true)
    expect(till.count()).toEqual(PAID_ONCE)
    expect(till.row(id).status).toBe('paid')
  })

  test('counts once when the customer’s page and the event see it at the same time', async () => {
    const { checkoutId } = await paid()
    const look = () => syncCheckout(till.services, checkoutId)
    await Promise.all([look(), till.later(), look(), look()])
    expect(till.count()).toEqual(PAID_ONCE)
  })

  test('counts once when Atlas stopped before it could note that the event was dealt with', async () => {
    const { id } = await paid()
    await till.later()
    till.db.write((tx) =>
      tx.update(inbox).set({ status: 'received' }).where(eq(inbox.type, 'checkout.session.completed')).run(),
    )
    await till.settle()
    expect(till.events).toMatchObject([{ status: 'processed' }])
    expect(till.count()).toEqual(PAID_ONCE)
    expect(till.row(id).status).toBe('paid')
  })

  test('with a declined card is none; with the next card it is one', async () => {
    const id = till.signup()
    const url = await till.open(id)
    await till.pay(url, DECLINED)
    await till.later()
    expect(till.count()).toEqual(NOT_PAID)
    await till.pay(url)
    await till.later()
    expect(till.count()).toEqual(PAID_ONCE)
  })

  test('for a signup that was given up is not lost from sight: its event fails with the reason', async () => {
    const { id } = await paid()
    till.db.write((tx) => expireSignup(tx, id, { id: 'atlas' }, till.clock.now()))
    await till.later()
    expect(till.events).toMatchObject([{ status: 'failed', reason: expect.stringContaining('given up') }])
    expect(till.count()).toEqual(NOT_PAID)
  })
})

describe('a payment does not count', () => {
  /** Has Stripe answer with something else than was asked for. */
  function answering(change: (checkout: Checkout) => Partial<Checkout>) {
    const { services, account } = till
    const getCheckout = async (id: string) => {
      const checkout = await account.payments.getCheckout(id)
      return { ...checkout, ...change(checkout) }
    }
    return { ...services, payments: replaced(account.payments, { getCheckout }) }
  }

  test.each<[string, (checkout: Checkout) => Partial<Checkout>]>([
    ['another amount', () => ({ amountTotal: 2_899 })],
    ['another currency', () => ({ currency: 'eur' })],
    ['no amount', () => ({ amountTotal: null })],
    [
      'another price',
      ({ subscription }) => ({ subscription: subscription && { ...subscription, priceId: 'price_pro' } }),
    ],
    ['the live mode', () => ({ livemode: true })],
    ['no subscription', () => ({ subscription: null })],
    ['no customer', () => ({ customerId: null })],
  ])('with %s', async (_, change) => {
    const { id, checkoutId } = await paid()
    expect(await thrownBy(syncCheckout(answering(change), checkoutId))).toMatchObject({ code: 'conflict' })
    expect(till.row(id).status).toBe('pending')
    expect(till.count()).toEqual(NOT_PAID)
  })

  test.each<[string, Partial<Checkout>]>([
    ['that the bank still works on', { paymentStatus: 'unpaid' }],
    ['of a checkout that is open', { status: 'open', paymentStatus: 'unpaid' }],
    ['of nobody’s signup', { signupId: 'sig_nobody' }],
    ['that names no signup', { signupId: null }],
  ])('%s', async (_, change) => {
    const { id, checkoutId } = await paid()
    await syncCheckout(
      answering(() => change),
      checkoutId,
    )
    expect(till.row(id).status).toBe('pending')
    expect(till.count()).toEqual(NOT_PAID)
  })

  test('but it does when everything is as asked for, the control', async () => {
    const { id, checkoutId } = await paid()
    await syncCheckout(
      answering(() => ({})),
      checkoutId,
    )
    expect(till.row(id).status).toBe('paid')
  })
})

describe('a paid signup', () => {
  test('of a plan that approves by itself has its tenant and run at once, and only once', async () => {
    till.approveByItself()
    till.account.twin.disorder({ spreadMs: 0, duplicateShare: 1 })
    const { id, checkoutId } = await paid()
    await till.later()
    await syncCheckout(till.services, checkoutId)
    expect(till.row(id)).toMatchObject({ status: 'provisioning', approvedBy: 'atlas' })
    expect(till.count()).toEqual({ ...PAID_ONCE, tenants: 1, runs: 1 })
    expect(notices()).toHaveLength(0)
  })

  test('of any other plan waits for the operator, who is told once', async () => {
    const { id, checkoutId } = await paid()
    await till.later()
    await syncCheckout(till.services, checkoutId)
    expect(till.row(id)).toMatchObject({ status: 'paid', approvedAt: null })
    expect(notices()).toHaveLength(1)
  })

  test('is approved once, by whoever is first', async () => {
    const { id } = await paid()
    await till.later()
    const approve = (actor: string) =>
      till.db.write((tx) => approveSignup(tx, till.services, id, { id: actor }, till.clock.now()))
    approve('first')
    expect(() => approve('second')).toThrow('waits for approval')
    expect(till.row(id).approvedBy).toBe('first')
    expect(till.count()).toEqual({ ...PAID_ONCE, tenants: 1, runs: 1 })
  })

  test('whose approval breaks midway is not half approved', async () => {
    const { id } = await paid()
    await till.later()
    const broken = {
      ...till.services,
      random: () => {
        throw new Error('no randomness left')
      },
    }
    expect(() =>
      till.db.write((tx) => approveSignup(tx, broken, id, { id: 'test' }, till.clock.now())),
    ).toThrow('no randomness')
    expect(till.row(id)).toMatchObject({ status: 'paid', approvedAt: null })
    expect(till.db.read.select().from(tenants).all()).toEqual([])
  })

  const notices = () => till.db.read.select().from(outbox).where(eq(outbox.kind, 'approval-notice')).all()
})
