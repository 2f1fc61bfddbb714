import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { counters, inbox } from '../../src/db/schema'
import { inboxLane } from '../../src/inbox/inbox'
import { troubles } from '../../src/routes/troubles'
import { Worker } from '../../src/runs/worker'
import { getSignup } from '../../src/signups/signup'
import { openStage, type Stage, signatureOf } from '../stage'

let stage: Stage
beforeEach(() => {
  stage = openStage()
})
afterEach(() => stage.close())

const seconds = () => Math.floor(stage.clock.now() / 1000)

const eventOf = (change: Record<string, unknown> = {}) =>
  JSON.stringify({
    id: 'evt_1',
    object: 'event',
    type: 'checkout.session.completed',
    created: seconds(),
    livemode: false,
    data: { object: { id: 'cs_test_1', object: 'checkout.session' } },
    ...change,
  })

/** A webhook as Stripe sends it: no browser, no origin, no cookies. */
const deliver = (body: string, signature = signatureOf(body, seconds())) =>
  stage.app.answer(
    new Request('http://shop.example.com/api/stripe/webhook', {
      method: 'POST',
      body,
      headers: {
        host: 'shop.example.com',
        'content-type': 'application/json; charset=utf-8',
        ...(signature ? { 'stripe-signature': signature } : {}),
      },
    }),
  )

const rows = () => stage.services.db.read.select().from(inbox).all()
const refused = () => stage.services.db.read.select().from(counters).all().at(0)?.value ?? 0

describe('an authentic webhook', () => {
  test('is stored once, however often it comes, and answered 200', async () => {
    for (let i = 0; i < 3; i++) {
      const answer = await deliver(eventOf())
      expect([answer.status, await answer.json()]).toEqual([200, { received: true }])
    }
    expect(rows()).toMatchObject([{ eventId: 'evt_1', status: 'received', objectId: 'cs_test_1' }])
  })

  test('of a type that Atlas does not know is kept as ignored', async () => {
    for (const [at, type] of ['invoice.voided', 'something.new', '__proto__', ''].entries()) {
      expect((await deliver(eventOf({ id: `evt_${at}`, type }))).status).toBe(200)
    }
    expect(rows().map(({ status }) => status)).toEqual(['ignored', 'ignored', 'ignored', 'ignored'])
  })

  test('holds nothing but a hint: what it says about the payment is not believed', async () => {
    const id = stage.signup()
    await stage.services.payments.createCheckout({
      signupId: id,
      email: 'ada@example.com',
      priceId: 'price_starter',
      successUrl: '',
      cancelUrl: '',
      expiresAt: stage.clock.now() + 3_600_000,
      idempotencyKey: 'k',
    })
    const lies = {
      id: 'cs_test_1',
      object: 'checkout.session',
      status: 'complete',
      payment_status: 'paid',
      client_reference_id: id,
    }
    await deliver(eventOf({ data: { object: lies } }))
    await drain()
    expect(getSignup(stage.services.db.read, id).status).toBe('pending')
    expect(rows()).toMatchObject([{ status: 'processed' }])
  })

  test.each([
    ['another amount', { amountTotal: 100 }, 'another amount or currency'],
    ['another currency', { currency: 'eur' }, 'another amount or currency'],
    ['the other mode', { livemode: true }, 'the other mode'],
    ['no subscription', { subscription: null }, 'another price'],
  ])('about a payment with %s does not make a signup paid', async (_, change, words) => {
    const id = await begun()
    stage.payments.pay(id, change)
    await deliver(eventOf())
    await drain()
    expect(getSignup(stage.services.db.read, id).status).toBe('pending')
    expect(rows()).toMatchObject([{ status: 'failed', reason: expect.stringContaining(words) }])
  })

  test('about the payment as it was asked for does, the control', async () => {
    const id = await begun()
    stage.payments.pay(id)
    await deliver(eventOf())
    await drain()
    expect(getSignup(stage.services.db.read, id).status).toBe('paid')
  })
})

describe('a webhook that does not verify', () => {
  const FORGERIES: [string, () => [body: string, signature: string]][] = [
    ['has no signature', () => [eventOf(), '']],
    ['has an empty one', () => [eventOf(), ' ']],
    ['has one of another secret', () => [eventOf(), signatureOf(eventOf(), seconds(), 'whsec_other')]],
    ['has one of another body', () => [eventOf({ id: 'evt_2' }), signatureOf(eventOf(), seconds())]],
    ['has one space more', () => [`${eventOf()} `, signatureOf(eventOf(), seconds())]],
    ['is 301 s old', () => [eventOf(), signatureOf(eventOf(), seconds() - 301)]],
    ['comes from the future', () => [eventOf(), signatureOf(eventOf(), seconds() + 301)]],
    ['comes from 10 s ahead', () => [eventOf(), signatureOf(eventOf(), seconds() + 10)]],
    [
      'has a time that was changed',
      () => [eventOf(), signatureOf(eventOf(), seconds() - 400).replace(/t=\d+/, `t=${seconds()}`)],
    ],
    ['has the old scheme only', () => [eventOf(), signatureOf(eventOf(), seconds()).replace('v1=', 'v0=')]],
    ['has a signature that is none', () => [eventOf(), `t=${seconds()},v1=`]],
    ['has a time that is none', () => [eventOf(), 't=now,v1=00']],
    ['is no JSON, though signed', () => ['{', signatureOf('{', seconds())]],
    ['is no event, though signed', () => ['{"id":1}', signatureOf('{"id":1}', seconds())]],
    ['is null, though signed', () => ['null', signatureOf('null', seconds())]],
  ]

  test.each(FORGERIES)('because it %s gets 400 and leaves a count, no row', async (_, forge) => {
    const answer = await deliver(...forge())
    expect(answer.status).toBe(400)
    expect(await answer.json()).toEqual({
      error: { code: 'invalid', message: 'The webhook does not verify.' },
    })
    expect(rows()).toEqual([])
    expect(refused()).toBe(1)
    expect(stage.lines).toEqual([])
  })

  test('draws no page anew, however many are forged', async () => {
    let commits = 0
    stage.services.db.onCommit(() => commits++)
    for (let i = 0; i < 20; i++) await deliver(eventOf(), '')
    expect([refused(), commits]).toEqual([20, 0])
  })

  test('is a trouble for the operator as long as none has verified', async () => {
    const named = () => troubles(stage.services, 10).filter(({ title }) => title.includes('webhooks'))
    expect(named()).toEqual([])
    for (let i = 0; i < 3; i++) await deliver(eventOf(), '')
    expect(named()).toMatchObject([
      { reason: expect.stringContaining('3 did not verify, and none ever has') },
    ])
    await deliver(eventOf())
    expect(named()).toEqual([])
  })

  test('for age passes at 299 s, the control', async () => {
    expect((await deliver(eventOf(), signatureOf(eventOf(), seconds() - 299))).status).toBe(200)
  })
})

test('a webhook of more than a megabyte is not read', async () => {
  const body = eventOf({ padding: 'x'.repeat(1024 * 1024) })
  expect((await deliver(body)).status).toBe(413)
  expect([rows(), refused()]).toEqual([[], 0])
})

test('a large one, within the limit, is', async () => {
  expect((await deliver(eventOf({ padding: 'x'.repeat(900_000) }))).status).toBe(200)
})

async function begun(): Promise<string> {
  const answer = await stage.browser().ask('/api/signup', {
    method: 'POST',
    json: { subdomain: 'ada-lovelace', email: 'ada@example.com', plan: 'starter' },
  })
  return ((await answer.json()) as { signup_id: string }).signup_id
}

async function drain(): Promise<void> {
  const { db, clock, log } = stage.services
  const lanes = [inboxLane(stage.services, () => 0.5)] as ConstructorParameters<typeof Worker>[3]
  const worker = new Worker(db, clock, log, lanes)
  worker.start()
  await worker.settled()
  await worker.stop(0)
}
