import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import type { Subscription } from '../../src/simulator/stripe/billing'
import { thrownBy } from '../simulator/machine-park'
import { type Account, CARD, openAccount, STARTER, submit } from '../simulator/stripe-account'

const UPDATE = 'POST /subscriptions/:id'
const CANCEL = 'DELETE /subscriptions/:id'

let account: Account
let sold: Subscription

beforeEach(async () => {
  account = openAccount()
  sold = await sell('checkout-1')
  account.exchanges.splice(0)
})

afterEach(() => account.close())

async function sell(key: string, signupId = 'sig_1'): Promise<Subscription> {
  const { url } = await account.openCheckout(key, signupId)
  await submit(url, CARD)
  return account.twin.store.subscriptions.all().at(-1)!
}

const fault = (verb: string, kind: 'refuse' | 'lose_reply' | 'timeout', times = 1, status?: number) =>
  account.front.faults.add({ provider: 'stripe', verb, kind, times, status })
const asked = (verb: string) => account.exchanges.filter((one) => one.verb === verb)
const change = (key = 'run_1-changePrice') => account.payments.changePrice(sold.id, 'price_pro', key)
const cancel = () => account.payments.cancelSubscription(sold.id)
const priceNow = () => account.twin.store.subscriptions.get(sold.id)?.items.data[0]?.price.id

describe('a subscription', () => {
  test('says what it costs, for which signup it was sold and what it owes', async () => {
    const subscription = await account.payments.getSubscription(sold.id)
    expect(subscription).toEqual({
      id: sold.id,
      customerId: sold.customer,
      status: 'active',
      priceId: STARTER,
      currentPeriodEnd: Date.UTC(2026, 11, 22, 12),
      cancelAtPeriodEnd: false,
      amount: 2900,
      currency: 'usd',
      interval: 'month',
      unpaidSince: null,
      latestPayment: {
        invoiceId: String(sold.latest_invoice),
        amount: 2900,
        currency: 'usd',
        status: 'paid',
        paidAt: account.clock.now(),
      },
      canceledAt: null,
      signupId: 'sig_1',
      createdAt: account.clock.now(),
    })
    expect((await account.payments.listSubscriptions(sold.customer))[0]).toEqual(subscription)
    expect((await account.payments.listLiveSubscriptions())[0]).toEqual(subscription)
  })

  test('that ended is not live; of those that live there is every page', async () => {
    const { store } = account.twin
    for (let number = 0; number < 230; number++) store.subscriptions.put({ ...sold, ...store.base('sub') })
    store.subscriptions.put({ ...sold, status: 'canceled' })
    store.subscriptions.put({ ...sold, ...store.base('sub'), status: 'incomplete_expired' })
    expect(await account.payments.listLiveSubscriptions()).toHaveLength(230)
    expect(asked('GET /subscriptions')).toHaveLength(3)
    expect(asked('GET /invoices')).toHaveLength(0)
  })

  test('that was sold by others is listed too, and says so', async () => {
    const { store } = account.twin
    store.subscriptions.put({ ...sold, ...store.base('sub'), metadata: {} })
    const live = await account.payments.listLiveSubscriptions()
    expect(live.map(({ signupId }) => signupId)).toEqual([null, 'sig_1'])
  })

  test('in arrears costs a list of the account one more request, not one each', async () => {
    const second = await sell('checkout-2', 'sig_2')
    for (const { id, customer } of [sold, second]) {
      account.twin.failNextCharge(customer)
      account.twin.renewNow(id)
    }
    account.exchanges.splice(0)
    const live = await account.payments.listLiveSubscriptions()
    expect(live.map(({ unpaidSince }) => unpaidSince)).toEqual([account.clock.now(), account.clock.now()])
    expect(asked('GET /invoices')).toHaveLength(1)
  })

  test('whose latest invoice is paid owes the same, whoever else of the account is in arrears', async () => {
    const other = await sell('checkout-2', 'sig_2')
    const { store } = account.twin
    account.twin.failNextCharge(sold.customer)
    account.twin.renewNow(sold.id)
    // Stripe calls it active again once the newest invoice is paid, also when an older one still waits.
    account.clock.advance(86_400_000)
    account.twin.renewNow(sold.id)
    store.subscriptions.put({ ...store.subscriptions.get(sold.id)!, status: 'active' })
    account.twin.failNextCharge(other.customer)
    account.twin.renewNow(other.id)
    const live = await account.payments.listLiveSubscriptions()
    const alone = await account.payments.listSubscriptions(sold.customer)
    expect(live.find(({ id }) => id === sold.id)).toEqual(alone[0])
    expect(live.find(({ id }) => id === other.id)?.unpaidSince).toBe(account.clock.now())
  })
})

describe('another price', () => {
  test('is set once, however often it is asked for', async () => {
    for (let times = 0; times < 3; times++) expect((await change()).priceId).toBe('price_pro')
    expect(asked(UPDATE)).toHaveLength(1)
    expect(asked(UPDATE)[0]?.requestBody).toContain('proration_behavior=create_prorations')
  })

  test('is not set where somebody has added an item by hand: that might become the plan', async () => {
    const { store } = account.twin
    const [plan] = sold.items.data
    const extra = { ...plan!, id: 'si_extra', price: { ...plan!.price, id: 'price_extra' } }
    store.subscriptions.put({ ...sold, items: { ...sold.items, data: [extra, plan!] } })
    expect(await thrownBy(change())).toMatchObject({ code: 'conflict' })
    expect(asked(UPDATE)).toHaveLength(0)
  })

  test('that was set though the reply was lost is not set again, not even after the key was forgotten', async () => {
    fault(UPDATE, 'lose_reply')
    expect(await thrownBy(change())).toMatchObject({ code: 'unavailable', outcome: 'unknown' })
    expect(priceNow()).toBe('price_pro')
    account.clock.advance(2 * 86_400_000)
    expect((await change()).amount).toBe(7900)
    expect(asked(UPDATE)).toHaveLength(1)
    expect(account.twin.store.pending.size).toBe(2)
  })

  test('whose failure Stripe remembers is looked into, and then asked for under another key', async () => {
    fault(UPDATE, 'refuse', 1, 500)
    expect(await thrownBy(change())).toMatchObject({ code: 'unavailable', vendorCode: 'api_error' })
    expect(priceNow()).toBe(STARTER)
    expect((await change()).priceId).toBe('price_pro')
    expect(asked(UPDATE).map(({ requestHeaders }) => requestHeaders['idempotency-key'])).toEqual([
      'run_1-changePrice',
      'run_1-changePrice',
      'run_1-changePrice-2',
    ])
    expect(account.twin.store.pending.size).toBe(2)
  })

  test('whose remembered failure did happen is taken as it is', async () => {
    fault(UPDATE, 'refuse', 1, 500)
    await thrownBy(change())
    const item = sold.items.data[0]!.id
    await account.call('POST', `/subscriptions/${sold.id}`, {
      'items[0][id]': item,
      'items[0][price]': 'price_pro',
    })
    account.exchanges.splice(0)
    expect((await change()).priceId).toBe('price_pro')
    expect(asked(UPDATE)).toHaveLength(0)
  })

  test('that was taken back meanwhile is set again, though Stripe has an old “done” under the key', async () => {
    await change('key-1')
    await account.payments.changePrice(sold.id, STARTER, 'key-2')
    expect((await change('key-1')).priceId).toBe('price_pro')
    expect(priceNow()).toBe('price_pro')
  })

  test('is refused for a subscription that has ended, in a sentence', async () => {
    account.twin.cancelByCustomer(sold.id)
    expect(await thrownBy(change())).toMatchObject({
      code: 'conflict',
      message: expect.stringContaining('ended'),
    })
  })

  test.each([
    ['a price that is not there', () => account.payments.changePrice(sold.id, 'price_none', 'key')],
    ['a subscription that is not there', () => account.payments.changePrice('sub_none', 'price_pro', 'key')],
  ])('for %s is not found', async (_, ask) => {
    expect(await thrownBy(ask())).toMatchObject({ code: 'not_found' })
    expect(asked(UPDATE).length).toBeLessThanOrEqual(10)
  })
})

describe('an end', () => {
  test('comes once, however often it is asked for', async () => {
    for (let times = 0; times < 3; times++) {
      expect(await cancel()).toMatchObject({ status: 'canceled', canceledAt: account.clock.now() })
    }
    expect(asked(CANCEL)).toHaveLength(1)
  })

  test('that came though the reply was lost is seen by the next look', async () => {
    fault(CANCEL, 'lose_reply')
    // Bun’s fetch repeats a DELETE whose connection broke; the answer to that is that nothing is there.
    const first = await cancel().catch((thrown) => thrown as { outcome?: string })
    expect(first).toMatchObject('outcome' in first ? { outcome: 'unknown' } : { status: 'canceled' })
    expect((await cancel()).status).toBe('canceled')
    expect(account.twin.store.events.all().map(({ type }) => type)).toContain('customer.subscription.deleted')
  })

  test('that the customer asked for in the same moment is as good', async () => {
    const ends = account.front.observe(({ verb }) => {
      if (verb === 'GET /subscriptions/:id') {
        ends()
        account.twin.cancelByCustomer(sold.id)
      }
    })
    expect((await cancel()).status).toBe('canceled')
  })

  test('of what is not there is not found', async () => {
    expect(await thrownBy(account.payments.cancelSubscription('sub_none'))).toMatchObject({
      code: 'not_found',
    })
  })
})

test('invoices of a customer come newest first, drafts left out', async () => {
  account.clock.advance(Date.UTC(2027, 0, 22, 12) - account.clock.now())
  expect(account.twin.store.invoices.all().map(({ status }) => status)).toEqual(['paid', 'paid', 'draft'])
  const invoices = await account.payments.listInvoices(sold.customer)
  const renewedAt = Date.UTC(2026, 11, 22, 13)
  const both = { customerId: sold.customer, subscriptionId: sold.id, status: 'paid', amount: 2900 }
  expect(invoices).toMatchObject([
    { ...both, paidAt: renewedAt },
    { ...both, invoiceId: String(sold.latest_invoice) },
  ])
  expect(await account.payments.getInvoice(String(sold.latest_invoice))).toEqual(invoices[1]!)
  expect(await thrownBy(account.payments.getInvoice('in_none'))).toMatchObject({ code: 'not_found' })
})
