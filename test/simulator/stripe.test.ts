import { afterEach, beforeEach, expect, test } from 'bun:test'
import Stripe from 'stripe'
import { type Account, CARD, openAccount, SECRET_KEY, STARTER, submit } from './stripe-account'

let account: Account

beforeEach(() => {
  account = openAccount()
})

afterEach(() => account.close())

/** The real SDK, for calls that Atlas itself does not make. */
function sdk(): Stripe {
  const { hostname, port } = new URL(account.url)
  return new Stripe(SECRET_KEY, {
    host: hostname,
    port,
    protocol: 'http',
    maxNetworkRetries: 0,
    telemetry: false,
  })
}

async function sell() {
  const { id, url } = await account.openCheckout()
  await submit(url, CARD)
  return sdk().checkout.sessions.retrieve(id, { expand: ['line_items'] })
}

/** Status and error of a call that is refused. */
async function refusal(answer: Promise<Response>) {
  const response = await answer
  const { error } = (await response.json()) as { error: Record<string, string> }
  return { status: response.status, ...error }
}

test('a call without the secret key is refused', async () => {
  const missing = await refusal(fetch(`${account.url}/v1/customers`))
  const wrong = await refusal(
    fetch(`${account.url}/v1/customers`, { headers: { authorization: 'Bearer sk_x' } }),
  )
  expect([missing, wrong]).toMatchObject([
    { status: 401, type: 'invalid_request_error' },
    { status: 401, type: 'invalid_request_error' },
  ])
  // Both requests break the contract on purpose.
  account.exchanges.splice(0)
})

test('the key may come as basic authentication, as curl sends it', async () => {
  const authorization = `Basic ${btoa(`${SECRET_KEY}:`)}`
  const response = await fetch(`${account.url}/v1/prices`, { headers: { authorization } })
  expect(response.status).toBe(200)
  account.exchanges.splice(0)
})

test('every answer has a request id and tells the version; another version is refused', async () => {
  const response = await account.call('GET', '/prices')
  expect(response.headers.get('request-id')).toMatch(/^req_/)
  expect(response.headers.get('stripe-version')).toBe('2026-10-28.endive')
  expect(await refusal(account.call('GET', '/prices', {}, { 'stripe-version': '2020-08-27' }))).toMatchObject(
    {
      status: 400,
    },
  )
  account.exchanges.pop()
})

test('an unknown path is 404, an unknown parameter 400', async () => {
  expect(await refusal(account.call('GET', '/magic'))).toMatchObject({ status: 404 })
  account.exchanges.pop()
  expect(await refusal(account.call('POST', '/customers', { magic: '1' }))).toMatchObject({
    status: 400,
    code: 'parameter_unknown',
    param: 'magic',
  })
  account.exchanges.pop()
})

test('prices and products are as configured', async () => {
  const stripe = sdk()
  const prices = await stripe.prices.list({ active: true })
  expect(prices.data.map(({ id, unit_amount }) => [id, unit_amount]).toSorted()).toEqual([
    ['price_pro', 7900],
    [STARTER, 2900],
  ])
  const price = await stripe.prices.retrieve(STARTER, { expand: ['product'] })
  expect(price.product).toMatchObject({ object: 'product', name: 'Virtues Starter' })
  expect(await stripe.products.list()).toMatchObject({ has_more: false })
})

test('customers are made, read, listed by email and searched', async () => {
  const stripe = sdk()
  const ada = await stripe.customers.create({ email: 'ada@example.com', metadata: { signup_id: 'sig_1' } })
  await stripe.customers.create({ email: 'bob@example.com', name: 'Bob' })
  expect(await stripe.customers.retrieve(ada.id)).toMatchObject({ metadata: { signup_id: 'sig_1' } })
  const listed = await stripe.customers.list({ email: 'ada@example.com' })
  expect(listed.data.map(({ id }) => id)).toEqual([ada.id])
  const found = await stripe.customers.search({ query: 'email:"BOB@example.com"' })
  expect(found.data.map(({ name }) => name)).toEqual(['Bob'])
})

test('lists are paged, newest first, both ways', async () => {
  const stripe = sdk()
  const made: string[] = []
  for (let number = 0; number < 5; number++) {
    made.unshift((await stripe.customers.create({ email: `c${number}@example.com` })).id)
    account.clock.advance(number % 2 === 0 ? 0 : 1000)
  }
  const ids = (page: Stripe.ApiList<Stripe.Customer>) => page.data.map(({ id }) => id)
  const first = await stripe.customers.list({ limit: 2 })
  expect([ids(first), first.has_more]).toEqual([made.slice(0, 2), true])
  const last = await stripe.customers.list({ limit: 3, starting_after: made[1] })
  expect([ids(last), last.has_more]).toEqual([made.slice(2), false])
  const before = await stripe.customers.list({ limit: 2, ending_before: made[4] })
  expect([ids(before), before.has_more]).toEqual([made.slice(2, 4), true])
  expect(await refusal(account.call('GET', '/customers', { limit: '101' }))).toMatchObject({ param: 'limit' })
  expect(await refusal(account.call('GET', '/customers', { starting_after: 'cus_none' }))).toMatchObject({
    code: 'resource_missing',
  })
})

test('a sale leaves customer, subscription, paid invoice, payment intent and charge that name each other', async () => {
  const session = await sell()
  expect(session.line_items?.data).toMatchObject([{ description: 'Virtues Starter', amount_total: 2900 }])
  const full = await sdk().checkout.sessions.retrieve(session.id, {
    expand: [
      'customer',
      'subscription.latest_invoice.payments',
      'invoice',
      'subscription.default_payment_method',
    ],
  })
  const { subscription, invoice, customer } = full
  if (typeof subscription !== 'object' || typeof invoice !== 'object' || !subscription || !invoice) {
    throw new Error('not expanded')
  }
  expect(customer).toMatchObject({ email: 'ada@example.com', name: 'Ada Lovelace' })
  expect(invoice).toMatchObject({ status: 'paid', total: 2900, billing_reason: 'subscription_create' })
  expect(invoice.parent?.subscription_details?.subscription).toBe(subscription.id)
  expect(subscription.latest_invoice).toMatchObject({ id: invoice.id })
  expect(subscription.default_payment_method).toMatchObject({ card: { last4: '4242', brand: 'visa' } })
  const [payment] = (subscription.latest_invoice as Stripe.Invoice).payments?.data ?? []
  const intent = await sdk().paymentIntents.retrieve(String(payment?.payment.payment_intent), {
    expand: ['latest_charge'],
  })
  expect(intent).toMatchObject({
    status: 'succeeded',
    amount: 2900,
    latest_charge: { paid: true, amount: 2900 },
  })
})

test('the events of a sale are kept, each with its object as it was', async () => {
  const session = await sell()
  const { data } = await sdk().events.list({ limit: 100 })
  expect(data.map(({ type }) => String(type)).toReversed()).toEqual([
    'customer.created',
    'payment_method.attached',
    'customer.subscription.created',
    'invoice.created',
    'invoice.finalized',
    'payment_intent.succeeded',
    'invoice.paid',
    'invoice.payment_succeeded',
    'checkout.session.completed',
  ])
  const [completed] = data
  expect(completed?.data.object).toMatchObject({ id: session.id, status: 'complete', payment_status: 'paid' })
  const drafted = data.find(({ type }) => type === 'invoice.created')
  expect(drafted?.data.object).toMatchObject({ status: 'draft', amount_paid: 0 })
  expect(await sdk().events.retrieve(completed?.id ?? '')).toMatchObject({
    type: 'checkout.session.completed',
  })
  const recent = await sdk().events.list({ created: { gte: Math.floor(account.clock.now() / 1000) + 1 } })
  expect(recent.data).toEqual([])
})

test('a property that cannot be expanded is refused', async () => {
  const { id } = await account.openCheckout()
  const path = `/checkout/sessions/${id}`
  const nowhere = await refusal(account.call('GET', path, { 'expand[]': 'success_url' }))
  expect(nowhere).toMatchObject({ status: 400, param: 'expand' })
  const deep = await refusal(account.call('GET', path, { 'expand[]': 'a.b.c.d.e' }))
  expect(deep).toMatchObject({ status: 400, param: 'expand' })
})

test('a subscription can be set to end with its period, and then does', async () => {
  const { subscription } = await sell()
  const stripe = sdk()
  const ending = await stripe.subscriptions.update(String(subscription), { cancel_at_period_end: true })
  expect(ending).toMatchObject({ status: 'active', cancel_at_period_end: true })
  expect(await stripe.subscriptions.update(ending.id, { cancel_at_period_end: false })).toMatchObject({
    cancel_at: null,
  })
  await stripe.subscriptions.update(ending.id, { cancel_at_period_end: true, metadata: { why: 'moved' } })
  account.clock.advance(31 * 86_400_000)
  expect(await stripe.subscriptions.retrieve(ending.id)).toMatchObject({
    status: 'canceled',
    ended_at: ending.items.data[0]?.current_period_end,
    metadata: { signup_id: 'sig_1', why: 'moved' },
  })
  const deleted = await stripe.events.list({ type: 'customer.subscription.deleted' })
  expect(deleted.data).toHaveLength(1)
})

test('a subscription changes its price without proration, and can be cancelled once', async () => {
  const { subscription } = await sell()
  const stripe = sdk()
  const sold = await stripe.subscriptions.retrieve(String(subscription))
  const items = [{ id: sold.items.data[0]?.id, price: 'price_pro' }]
  const changed = await stripe.subscriptions.update(sold.id, { items, proration_behavior: 'none' })
  expect(changed.items.data[0]?.price.unit_amount).toBe(7900)
  expect(await stripe.subscriptions.cancel(sold.id)).toMatchObject({ status: 'canceled' })
  expect(await refusal(account.call('DELETE', `/subscriptions/${sold.id}`))).toMatchObject({
    status: 404,
    code: 'resource_missing',
  })
  expect((await stripe.subscriptions.list()).data).toEqual([])
  expect((await stripe.subscriptions.list({ status: 'canceled' })).data).toHaveLength(1)
})

test('invoices are listed by customer and subscription', async () => {
  const { customer, subscription } = await sell()
  const stripe = sdk()
  expect((await stripe.invoices.list({ customer: String(customer) })).data).toHaveLength(1)
  expect(
    (await stripe.invoices.list({ subscription: String(subscription), status: 'paid' })).data,
  ).toHaveLength(1)
  expect((await stripe.invoices.list({ status: 'open' })).data).toEqual([])
})

test('a checkout ends when its time is over, and says so in an event', async () => {
  const { id } = await account.openCheckout()
  account.clock.advance(3_600_000 - 1)
  expect((await account.payments.getCheckout(id)).status).toBe('open')
  account.clock.advance(1)
  const [event] = account.twin.store.events.all()
  expect(event).toMatchObject({
    type: 'checkout.session.expired',
    data: { object: { id, status: 'expired' } },
  })
  expect(await account.payments.getCheckout(id)).toMatchObject({ status: 'expired', url: null })
  const listed = await sdk().checkout.sessions.list({ status: 'expired' })
  expect(listed.data.map((session) => session.id)).toEqual([id])
})

const CHECKOUT = {
  mode: 'subscription',
  'line_items[0][price]': STARTER,
  'line_items[0][quantity]': '1',
  success_url: 'http://shop.localhost/success',
}

const BAD_CHECKOUTS: [string, Record<string, string>, Record<string, string>][] = [
  [
    'a price that is not there',
    { 'line_items[0][price]': 'price_x' },
    { code: 'resource_missing', param: 'line_items[0][price]' },
  ],
  ['no success address', { success_url: '' }, { code: 'parameter_missing', param: 'success_url' }],
  [
    'an address that is none',
    { success_url: 'javascript:alert(1)' },
    { code: 'url_invalid', param: 'success_url' },
  ],
  ['an email that is none', { customer_email: 'ada' }, { code: 'email_invalid', param: 'customer_email' }],
  ['an end that is too near', { expires_at: 'soon' }, { param: 'expires_at' }],
  ['another mode', { mode: 'setup' }, { param: 'mode' }],
  ['half a nested name', { 'line_items[0': STARTER }, { param: 'line_items[0' }],
]

for (const [what, changes, expected] of BAD_CHECKOUTS) {
  test(`a checkout with ${what} is refused beside its parameter`, async () => {
    const soon = String(Math.floor(account.clock.now() / 1000) + 1799)
    const form = { ...CHECKOUT, ...changes, ...(changes.expires_at && { expires_at: soon }) }
    expect(await refusal(account.call('POST', '/checkout/sessions', form))).toMatchObject({
      status: 400,
      type: 'invalid_request_error',
      ...expected,
    })
    expect(account.twin.store.sessions.all()).toEqual([])
    account.exchanges.splice(0)
  })
}

test('the same key answers as the first time for 24 hours, then acts anew', async () => {
  const key = { 'idempotency-key': 'key-1' }
  const first = await account.call('POST', '/customers', { email: 'ada@example.com' }, key)
  const again = await account.call('POST', '/customers', { email: 'ada@example.com' }, key)
  expect(await again.text()).toBe(await first.text())
  expect(again.headers.get('idempotent-replayed')).toBe('true')
  expect(again.headers.get('original-request')).toBe(first.headers.get('request-id'))
  expect(first.headers.get('idempotent-replayed')).toBeNull()
  account.clock.advance(24 * 3_600_000)
  await account.call('POST', '/customers', { email: 'ada@example.com' }, key)
  expect(account.twin.store.customers.all()).toHaveLength(2)
})

test('the same key with another body or path is an idempotency error', async () => {
  const key = { 'idempotency-key': 'key-1' }
  await account.call('POST', '/customers', { email: 'ada@example.com' }, key)
  const body = await refusal(account.call('POST', '/customers', { email: 'bob@example.com' }, key))
  const path = await refusal(account.call('POST', '/checkout/sessions', CHECKOUT, key))
  for (const error of [body, path]) expect(error).toMatchObject({ status: 400, type: 'idempotency_error' })
})

test('a malformed request is not remembered under its key', async () => {
  const key = { 'idempotency-key': 'key-1' }
  await account.call('POST', '/checkout/sessions', { ...CHECKOUT, mode: 'payment' }, key)
  expect((await account.call('POST', '/checkout/sessions', CHECKOUT, key)).status).toBe(200)
})

test('a remembered 500 is replayed for any body, and never takes the place of a remembered success', async () => {
  const fault = {
    provider: 'stripe',
    verb: 'POST /customers',
    kind: 'refuse',
    times: 1,
    status: 500,
  } as const
  const key = { 'idempotency-key': 'key-1' }
  account.front.faults.add(fault)
  expect((await account.call('POST', '/customers', {}, key)).status).toBe(500)
  const replayed = await account.call('POST', '/customers', { email: 'ada@example.com' }, key)
  expect([replayed.status, replayed.headers.get('idempotent-replayed')]).toEqual([500, 'true'])
  const other = { 'idempotency-key': 'key-2' }
  await account.call('POST', '/customers', {}, other)
  account.front.faults.add(fault)
  expect((await account.call('POST', '/customers', {}, other)).status).toBe(500)
  expect((await account.call('POST', '/customers', {}, other)).status).toBe(200)
})

test('a fault that declines the card has Stripe’s body', async () => {
  account.front.faults.add({
    provider: 'stripe',
    verb: 'POST /customers',
    kind: 'refuse',
    times: 1,
    status: 402,
    code: 'insufficient_funds',
  })
  expect(await refusal(account.call('POST', '/customers'))).toMatchObject({
    status: 402,
    type: 'card_error',
    code: 'card_declined',
    decline_code: 'insufficient_funds',
  })
})

test('a key in use by a request that still runs is 409', async () => {
  const slow = openAccount({ latencyMs: 1000 })
  const key = { 'idempotency-key': 'key-1' }
  const both = [1, 2].map(() => slow.call('POST', '/customers', {}, key))
  // Whichever came second is refused at once, while the other waits for the world's time.
  expect(await refusal(Promise.race(both))).toMatchObject({ status: 409, code: 'idempotency_key_in_use' })
  slow.clock.advance(1000)
  const statuses = (await Promise.all(both)).map(({ status }) => status)
  expect(statuses.toSorted()).toEqual([200, 409])
  expect(slow.twin.store.customers.all()).toHaveLength(1)
  await slow.close()
})

test('more requests a second than allowed are 429', async () => {
  const limited = openAccount({ ratePerSecond: 2 })
  await limited.call('GET', '/prices')
  await limited.call('GET', '/prices')
  expect(await refusal(limited.call('GET', '/prices'))).toMatchObject({ status: 429, code: 'rate_limit' })
  limited.clock.advance(1000)
  expect((await limited.call('GET', '/prices')).status).toBe(200)
  await limited.close()
})

test('a verb names the operation, whatever the ids', () => {
  const verb = (method: string, path: string) =>
    account.twin.verbOf(new Request(`http://stripe/v1${path}`, { method }))
  expect(verb('GET', '/checkout/sessions/cs_1?expand[]=invoice')).toBe('GET /checkout/sessions/:id')
  expect(verb('POST', '/checkout/sessions/cs_1/expire')).toBe('POST /checkout/sessions/:id/expire')
  expect(verb('GET', '/customers/search')).toBe('GET /customers/search')
  expect(verb('GET', '/magic')).toBe('GET /magic')
})
