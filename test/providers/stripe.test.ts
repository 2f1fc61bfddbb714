import { afterEach, beforeEach, expect, test } from 'bun:test'
import { AtlasError } from '../../src/errors'
import { createStripe } from '../../src/providers/stripe'
import { sign } from '../../src/simulator/stripe/deliveries'
import { type Account, CARD, openAccount, STARTER, submit, WEBHOOK_SECRET } from '../simulator/stripe-account'

let account: Account

beforeEach(() => {
  account = openAccount()
})

afterEach(() => account.close())

/** The AtlasError that a call fails with. */
async function failure(call: Promise<unknown>): Promise<AtlasError> {
  const thrown = await call.then(
    () => null,
    (error: unknown) => error,
  )
  if (!(thrown instanceof AtlasError)) throw new Error(`no AtlasError but ${thrown}`)
  return thrown
}

test('a checkout opens with the address where the customer pays', async () => {
  const checkout = await account.openCheckout()
  expect(checkout).toMatchObject({
    status: 'open',
    paymentStatus: 'unpaid',
    signupId: 'sig_1',
    email: 'ada@example.com',
    amountTotal: 2900,
    currency: 'usd',
    expiresAt: account.clock.now() + 3_600_000,
    livemode: false,
    customerId: null,
    subscription: null,
    payment: null,
  })
  expect(checkout.url).toBe(`${account.url}/checkout/pay/${checkout.id}`)
})

test('a checkout carries the signup on the session and on its subscription', async () => {
  const { id, url } = await account.openCheckout()
  await submit(url, CARD)
  const session = account.twin.store.sessions.get(id)
  expect(session?.metadata).toEqual({ signup_id: 'sig_1' })
  const [sold] = account.twin.store.subscriptions.all()
  expect(sold?.metadata).toEqual({ signup_id: 'sig_1' })
})

test('the same key gives the same checkout, another key another one', async () => {
  const first = await account.openCheckout('key-1')
  const again = await account.openCheckout('key-1')
  const other = await account.openCheckout('key-2')
  expect(again.id).toBe(first.id)
  expect(other.id).not.toBe(first.id)
})

test('the same key for another signup is a conflict', async () => {
  await account.openCheckout('key-1', 'sig_1')
  const error = await failure(account.openCheckout('key-1', 'sig_2'))
  expect(error).toMatchObject({ code: 'conflict', vendorCode: 'idempotency_error' })
})

test('a paid checkout shows its subscription and its first payment', async () => {
  const { id, url } = await account.openCheckout()
  await submit(url, CARD)
  const checkout = await account.payments.getCheckout(id)
  const now = account.clock.now()
  expect(checkout).toMatchObject({
    status: 'complete',
    paymentStatus: 'paid',
    url: null,
    payment: { amount: 2900, currency: 'usd', status: 'paid', paidAt: now },
    subscription: { status: 'active', priceId: STARTER, cancelAtPeriodEnd: false },
  })
  expect(checkout.subscription?.customerId).toBe(checkout.customerId ?? '')
  expect(checkout.subscription?.currentPeriodEnd).toBe(Date.UTC(2026, 11, 22, 12))
})

test('expiring a checkout closes it, and once more does no harm', async () => {
  const { id } = await account.openCheckout()
  await account.payments.expireCheckout(id)
  expect((await account.payments.getCheckout(id)).status).toBe('expired')
  await account.payments.expireCheckout(id)
})

test('expiring a paid checkout leaves it paid', async () => {
  const { id, url } = await account.openCheckout()
  await submit(url, CARD)
  await account.payments.expireCheckout(id)
  expect((await account.payments.getCheckout(id)).status).toBe('complete')
})

test('subscriptions of a customer are listed newest first, ended ones too, over several pages', async () => {
  const { id: customer } = (await (await account.call('POST', '/customers')).json()) as { id: string }
  const { sold } = await oneSubscription(account)
  for (let number = 0; number < 120; number++) {
    const made = { ...sold, ...account.twin.store.base('sub'), customer }
    account.twin.store.subscriptions.put(number === 0 ? { ...made, status: 'canceled' as const } : made)
  }
  const listed = await account.payments.listSubscriptions(customer)
  expect(listed).toHaveLength(120)
  expect(listed.at(-1)?.status).toBe('canceled')
  expect(listed.map(({ id }) => id)).toEqual(
    listed
      .map(({ id }) => id)
      .toSorted()
      .toReversed(),
  )
})

test('a subscription and a price are read by their ids', async () => {
  const { sold } = await oneSubscription(account)
  expect(await account.payments.getSubscription(sold.id)).toMatchObject({ id: sold.id, status: 'active' })
  expect(await account.payments.getPrice(STARTER)).toEqual({
    id: STARTER,
    amount: 2900,
    currency: 'usd',
    interval: 'month',
  })
})

test('what Stripe does not know is not found', async () => {
  const calls = [
    account.payments.getCheckout('cs_none'),
    account.payments.expireCheckout('cs_none'),
    account.payments.getSubscription('sub_none'),
    account.payments.getPrice('price_none'),
    account.payments.listSubscriptions('cus_none'),
  ]
  const failures = await Promise.all(calls.map(failure))
  expect(failures.map(({ code }) => code)).toEqual(calls.map(() => 'not_found'))
})

test('a status that this version of Atlas does not know is never taken for another', async () => {
  const { sold } = await oneSubscription(account)
  const store = account.twin.store
  store.subscriptions.put({ ...sold, status: 'hibernating' as never })
  const error = await failure(account.payments.getSubscription(sold.id))
  expect(error.code).toBe('internal')
  // That answer breaks the contract on purpose.
  account.exchanges.pop()
})

test('a lost reply has an unknown outcome, and the same key finds what was made', async () => {
  account.front.faults.add({
    provider: 'stripe',
    verb: 'POST /checkout/sessions',
    kind: 'lose_reply',
    times: 1,
  })
  const error = await failure(account.openCheckout())
  expect(error).toMatchObject({ code: 'unavailable', outcome: 'unknown' })
  expect(account.twin.store.sessions.all()).toHaveLength(1)
  const checkout = await account.openCheckout()
  expect(account.twin.store.sessions.all().map(({ id }) => id)).toEqual([checkout.id])
})

test('a time-out has an unknown outcome', async () => {
  const impatient = createStripe({
    secretKey: 'sk_test_atlas',
    webhookSecret: WEBHOOK_SECRET,
    apiUrl: account.url,
    timeoutMs: 40,
  })
  account.front.faults.add({ provider: 'stripe', verb: '*', kind: 'timeout', times: 1 })
  const error = await failure(impatient.getPrice(STARTER))
  expect(error).toMatchObject({ code: 'unavailable', outcome: 'unknown' })
})

test('a refused connection did surely nothing', async () => {
  const nobody = createStripe({
    secretKey: 'sk_test_atlas',
    webhookSecret: WEBHOOK_SECRET,
    apiUrl: 'http://127.0.0.1:1',
  })
  const error = await failure(nobody.getPrice(STARTER))
  expect(error).toMatchObject({ code: 'unavailable', outcome: 'refused' })
})

const REFUSALS = [
  { status: 401, expected: { code: 'unauthorized' } },
  { status: 402, expected: { code: 'invalid', vendorCode: 'card_declined' } },
  { status: 403, expected: { code: 'forbidden' } },
  {
    status: 409,
    expected: { code: 'unavailable', outcome: 'refused', vendorCode: 'idempotency_key_in_use' },
  },
  { status: 429, expected: { code: 'unavailable', outcome: 'refused', vendorCode: 'rate_limit' } },
  {
    status: 429,
    vendor: 'lock_timeout',
    expected: { code: 'unavailable', outcome: 'refused', vendorCode: 'lock_timeout' },
  },
  { status: 500, expected: { code: 'unavailable', outcome: 'unknown', vendorCode: 'api_error' } },
  { status: 503, expected: { code: 'unavailable', outcome: 'unknown', vendorCode: 'api_error' } },
]

for (const { status, vendor, expected } of REFUSALS) {
  test(`Stripe's ${status}${vendor ? ` ${vendor}` : ''} is ${expected.code}`, async () => {
    account.front.faults.add({
      provider: 'stripe',
      verb: '*',
      kind: 'refuse',
      times: 1,
      status,
      code: vendor,
    })
    expect(await failure(account.payments.getPrice(STARTER))).toMatchObject(expected)
  })
}

test('a 500 that Stripe remembers says so when it is replayed, until the key is forgotten', async () => {
  account.front.faults.add({
    provider: 'stripe',
    verb: 'POST /checkout/sessions',
    kind: 'refuse',
    times: 1,
    status: 500,
  })
  expect(await failure(account.openCheckout())).toMatchObject({ outcome: 'unknown', vendorCode: 'api_error' })
  expect(await failure(account.openCheckout())).toMatchObject({
    code: 'unavailable',
    outcome: 'unknown',
    vendorCode: 'api_error_remembered',
  })
  account.clock.advance(24 * 3_600_000)
  expect((await account.openCheckout()).status).toBe('open')
})

test('no message tells the secret key or what was sent', async () => {
  const stranger = createStripe({
    secretKey: 'sk_test_wrong_key_1234',
    webhookSecret: WEBHOOK_SECRET,
    apiUrl: account.url,
  })
  const error = await failure(stranger.getPrice(STARTER))
  expect(error.code).toBe('unauthorized')
  expect(error.message).not.toContain('1234')
  const missing = await failure(account.payments.getCheckout('cs_secret_input'))
  expect(missing.message).not.toContain('cs_secret_input')
})

const EVENT = JSON.stringify({
  id: 'evt_1',
  object: 'event',
  type: 'checkout.session.completed',
  created: 1_795_000_000,
  livemode: false,
  data: { object: { id: 'cs_1', object: 'checkout.session' } },
})

test('a webhook is read when its signature is right, up to 300 s old', async () => {
  const now = account.clock.now()
  for (const ageMs of [0, 299_000, 300_000]) {
    const event = await account.payments.verifyWebhook(EVENT, sign(EVENT, WEBHOOK_SECRET, now - ageMs), now)
    expect(event).toEqual({
      id: 'evt_1',
      type: 'checkout.session.completed',
      createdAt: 1_795_000_000_000,
      livemode: false,
      objectId: 'cs_1',
    })
  }
})

test('a webhook that is forged, changed, old, from the future or no event is refused', async () => {
  const now = account.clock.now()
  const good = sign(EVENT, WEBHOOK_SECRET, now)
  const attempts: [string, string][] = [
    [EVENT, sign(EVENT, 'whsec_other', now)],
    [EVENT.replace('cs_1', 'cs_2'), good],
    [EVENT, ''],
    [EVENT, 'nonsense'],
    [EVENT, good.replace('v1=', 'v0=')],
    [EVENT, sign(EVENT, WEBHOOK_SECRET, now - 301_000)],
    [EVENT, sign(EVENT, WEBHOOK_SECRET, now + 60_000)],
    [EVENT, `${sign(EVENT, WEBHOOK_SECRET, now + 60_000)},t=${Math.floor(now / 1000)}`],
    ['{"id":', sign('{"id":', WEBHOOK_SECRET, now)],
    ['null', sign('null', WEBHOOK_SECRET, now)],
    ['{"id":"evt_1"}', sign('{"id":"evt_1"}', WEBHOOK_SECRET, now)],
  ]
  for (const [body, signature] of attempts) {
    expect((await failure(account.payments.verifyWebhook(body, signature, now))).code).toBe('invalid')
  }
})

/** Sells one subscription. */
async function oneSubscription({ openCheckout, twin }: Account) {
  const { url } = await openCheckout()
  await submit(url, CARD)
  const [sold] = twin.store.subscriptions.all()
  if (!sold) throw new Error('nothing was sold')
  return { sold }
}
