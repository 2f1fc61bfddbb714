import { afterEach, beforeEach, describe, expect, spyOn, test } from 'bun:test'
import type { Subscription } from '../../src/simulator/stripe/billing'
import { checkStripeEvent } from '../contract/stripe'
import { type Account, CARD, openAccount, STARTER, submit } from './stripe-account'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const RENEWAL = Date.UTC(2026, 11, 22, 12)

let account: Account
let sold: Subscription

beforeEach(async () => {
  account = openAccount()
  sold = await sell('checkout-1')
})

afterEach(async () => {
  expect(account.twin.store.events.all().flatMap(checkStripeEvent)).toEqual([])
  await account.close()
})

/** Sells one subscription, and forgets what was told of it. */
async function sell(key: string): Promise<Subscription> {
  const { url } = await account.openCheckout(key)
  await submit(url, CARD)
  for (const { id } of account.twin.store.events.all()) account.twin.store.events.delete(id)
  return subscriptions().at(-1)!
}

const subscriptions = () => account.twin.store.subscriptions.all()
const subscription = () => account.twin.store.subscriptions.get(sold.id)!
const invoices = () => account.twin.store.invoices.all()
const told = () => account.twin.store.events.all().map(({ type }) => type)
const passUntil = (ms: number) => account.clock.advance(ms - account.clock.now())
/** Until the first renewal was charged. */
const renew = () => passUntil(RENEWAL + HOUR_MS)

describe('a period that ends', () => {
  test('begins the next one with a draft, which an hour later is final and paid', async () => {
    passUntil(RENEWAL - 1)
    expect(told()).toEqual([])
    passUntil(RENEWAL)
    expect(told()).toEqual(['invoice.created', 'customer.subscription.updated'])
    expect(await account.payments.getSubscription(sold.id)).toMatchObject({
      status: 'active',
      currentPeriodEnd: Date.UTC(2027, 0, 22, 12),
      unpaidSince: null,
      latestPayment: null,
    })
    passUntil(RENEWAL + HOUR_MS)
    expect(told().slice(2)).toEqual([
      'invoice.finalized',
      'payment_intent.succeeded',
      'invoice.paid',
      'invoice.payment_succeeded',
    ])
    const [first, second] = invoices()
    expect(first?.number).toMatch(/-0001$/)
    expect(second).toMatchObject({ status: 'paid', amount_paid: 2900, billing_reason: 'subscription_cycle' })
    expect(second?.number).toMatch(/-0002$/)
    expect(second?.lines.data[0]?.period).toEqual({
      start: RENEWAL / 1000,
      end: Date.UTC(2027, 0, 22, 12) / 1000,
    })
  })

  test('is as of its own time when the clock jumped over many', () => {
    passUntil(Date.UTC(2027, 5, 1))
    expect(invoices().map(({ created }) => new Date(created * 1000).toISOString().slice(0, 10))).toEqual([
      '2026-11-22',
      '2026-12-22',
      '2027-01-22',
      '2027-02-22',
      '2027-03-22',
      '2027-04-22',
      '2027-05-22',
    ])
    expect(invoices().every(({ status }) => status === 'paid')).toBe(true)
  })

  test('falls on the last day of a short month and goes back to its own', async () => {
    passUntil(Date.UTC(2027, 0, 31, 9))
    const late = await sell('checkout-2')
    passUntil(Date.UTC(2027, 4, 30))
    const days = invoices()
      .filter(({ parent }) => parent.subscription_details.subscription === late.id)
      .map(({ created }) => new Date(created * 1000).toISOString().slice(5, 10))
    expect(days).toEqual(['01-31', '02-28', '03-31', '04-30'])
  })

  test('can end now, and is charged at once', () => {
    account.twin.renewNow(sold.id)
    expect(invoices().map(({ status }) => status)).toEqual(['paid', 'paid'])
    expect(subscription().items.data[0]?.current_period_start).toBe(account.clock.now() / 1000)
    expect(subscription().latest_invoice).toBe(invoices()[1]!.id)
  })
})

describe('a card that declines', () => {
  beforeEach(() => account.twin.failNextCharge('ada@example.com'))

  test('leaves the subscription past due from when its invoice became final', async () => {
    renew()
    expect(told()).toEqual([
      'invoice.created',
      'customer.subscription.updated',
      'invoice.finalized',
      'payment_intent.payment_failed',
      'invoice.payment_failed',
      'customer.subscription.updated',
    ])
    expect(await account.payments.getSubscription(sold.id)).toMatchObject({
      status: 'past_due',
      unpaidSince: RENEWAL + HOUR_MS,
      latestPayment: { amount: 2900, status: 'failed', paidAt: null },
    })
  })

  test('is tried again after 3, 5 and 7 days, then no more, and stays past due', () => {
    renew()
    const tries = () => told().filter((type) => type === 'invoice.payment_failed').length
    const days = []
    for (let day = 1; day <= 30; day++) {
      const before = tries()
      account.clock.advance(DAY_MS)
      if (tries() > before) days.push(day)
    }
    expect(days).toEqual([3, 8, 15])
    expect(subscription().status).toBe('past_due')
    expect(invoices()[1]).toMatchObject({ status: 'open', attempt_count: 4, next_payment_attempt: null })
  })

  test('recovers by itself when the bank agrees again', () => {
    account.twin.failNextCharge(sold.customer, 2)
    renew()
    account.clock.advance(3 * DAY_MS)
    expect(subscription().status).toBe('past_due')
    account.clock.advance(5 * DAY_MS)
    expect(subscription().status).toBe('active')
    expect(told().slice(-3)).toEqual([
      'invoice.paid',
      'invoice.payment_succeeded',
      'customer.subscription.updated',
    ])
  })

  test('is replaced by another when the customer pays', async () => {
    renew()
    account.twin.payOpenInvoice(sold.id)
    expect(await account.payments.getSubscription(sold.id)).toMatchObject({
      status: 'active',
      unpaidSince: null,
      latestPayment: { status: 'paid' },
    })
    passUntil(RENEWAL + 40 * DAY_MS)
    expect(invoices().map(({ status }) => status)).toEqual(['paid', 'paid', 'paid'])
  })

  test('owes since its oldest invoice, also when a newer one has come and while that is a draft', async () => {
    const nextRenewal = Date.UTC(2027, 0, 22, 12)
    for (const at of [nextRenewal - 1, nextRenewal, nextRenewal + HOUR_MS, nextRenewal + 2 * DAY_MS]) {
      passUntil(at)
      const { unpaidSince, status } = await account.payments.getSubscription(sold.id)
      expect({ unpaidSince, status }).toEqual({ unpaidSince: RENEWAL + HOUR_MS, status: 'past_due' })
    }
    const [listed] = await account.payments.listLiveSubscriptions()
    expect(listed?.unpaidSince).toBe(RENEWAL + HOUR_MS)
    account.twin.payOpenInvoice(sold.id)
    expect(invoices().map(({ status }) => status)).toEqual(['paid', 'paid', 'paid'])
  })

  test('is not asked any more once the subscription has ended', () => {
    renew()
    account.twin.cancelByCustomer(sold.id)
    account.clock.advance(60 * DAY_MS)
    expect(told().filter((type) => type === 'invoice.payment_failed')).toHaveLength(1)
    expect(told().at(-1)).toBe('customer.subscription.deleted')
    expect(invoices()[1]?.status).toBe('open')
  })

  test('is refused with 402 when somebody pays by hand, and the refusal is remembered under its key', async () => {
    renew()
    const pay = () =>
      account.call('POST', `/invoices/${invoices()[1]?.id}/pay`, {}, { 'idempotency-key': 'pay-1' })
    for (let times = 0; times < 2; times++) {
      const answer = await pay()
      expect(answer.status).toBe(402)
      expect(await answer.json()).toMatchObject({ error: { type: 'card_error', code: 'card_declined' } })
    }
    expect(invoices()[1]?.attempt_count).toBe(2)
  })

  test('does not matter when the money came otherwise', async () => {
    renew()
    const answer = await account.call('POST', `/invoices/${invoices()[1]?.id}/pay`, {
      paid_out_of_band: 'true',
    })
    expect(await answer.json()).toMatchObject({ status: 'paid' })
    expect(subscription().status).toBe('active')
    const again = await account.call('POST', `/invoices/${invoices()[1]?.id}/pay`)
    expect(again.status).toBe(400)
  })

  test('belongs to a customer that there is', () => {
    expect(() => account.twin.failNextCharge('bob@example.com')).toThrow('No such customer')
    expect(() => account.twin.renewNow('sub_none')).toThrow('No such subscription')
  })
})

describe('another price', () => {
  test('is prorated on the next invoice', async () => {
    const half = (sold.items.data[0]!.current_period_end * 1000 - account.clock.now()) / 2
    account.clock.advance(half)
    const changed = await account.payments.changePrice(sold.id, 'price_pro', 'key-1')
    expect(changed).toMatchObject({ priceId: 'price_pro', amount: 7900, unpaidSince: null })
    expect(invoices()).toHaveLength(1)
    renew()
    const lines = invoices()[1]!.lines.data
    expect(lines.map(({ amount }) => amount)).toEqual([-1450, 3950, 7900])
    expect(lines.map(({ parent }) => parent.type)).toEqual([
      'invoice_item_details',
      'invoice_item_details',
      'subscription_item_details',
    ])
    expect(invoices()[1]).toMatchObject({ total: 10_400, amount_paid: 10_400 })
    const next = await account.payments.getInvoice(invoices()[1]!.id)
    expect(next).toMatchObject({
      amount: 10_400,
      status: 'paid',
      subscriptionId: sold.id,
      customerId: sold.customer,
    })
  })

  test('can be billed at once, or without proration', async () => {
    const [item] = sold.items.data
    const change = (price: string, prorations: string) =>
      account.call('POST', `/subscriptions/${sold.id}`, {
        'items[0][id]': item!.id,
        'items[0][price]': price,
        proration_behavior: prorations,
      })
    expect(await (await change('price_pro', 'always_invoice')).json()).toMatchObject({
      latest_invoice: invoices()[1]!.id,
    })
    expect(invoices()[1]).toMatchObject({
      total: 5000,
      billing_reason: 'subscription_update',
      status: 'paid',
    })
    await change(STARTER, 'none')
    renew()
    expect(invoices()[2]).toMatchObject({ total: 2900 })
  })

  test('that is lower leaves a balance, which the next invoices use up', async () => {
    await account.payments.changePrice(sold.id, 'price_pro', 'up')
    account.twin.renewNow(sold.id)
    await account.payments.changePrice(sold.id, STARTER, 'down')
    account.twin.renewNow(sold.id)
    // 2900 for the new period, 5000 given back of the old one.
    expect(invoices().at(-1)).toMatchObject({
      total: -2100,
      amount_due: 0,
      status: 'paid',
      ending_balance: -2100,
    })
    account.twin.renewNow(sold.id)
    expect(invoices().at(-1)).toMatchObject({ total: 2900, amount_due: 800, starting_balance: -2100 })
  })

  test('with another rhythm begins a new period and is charged at once', async () => {
    account.twin.store.seed([
      { id: 'price_year', amount: 29_000, currency: 'usd', interval: 'year', productName: 'Virtues Starter' },
    ])
    const changed = await account.payments.changePrice(sold.id, 'price_year', 'yearly')
    expect(changed).toMatchObject({ interval: 'year', currentPeriodEnd: Date.UTC(2027, 10, 22, 12) })
    expect(changed.latestPayment).toMatchObject({ amount: 29_000 - 2900, status: 'paid' })
  })
})

test('a request about one of ten thousand subscriptions looks at none of the others', async () => {
  const { store } = account.twin
  account.world.transaction(() => {
    for (let number = 0; number < 10_000; number++) {
      const customer = store.customers.put({ ...store.customers.get(sold.customer)!, ...store.base('cus') })
      store.subscriptions.put({ ...sold, ...store.base('sub'), customer: customer.id })
    }
  })
  const all = spyOn(store.subscriptions, 'all')
  const [one] = await account.payments.listSubscriptions(store.customers.all().at(5_000)!.id)
  expect(one?.status).toBe('active')
  account.clock.advance(DAY_MS)
  await account.payments.cancelSubscription(one!.id)
  expect(all).not.toHaveBeenCalled()
})
