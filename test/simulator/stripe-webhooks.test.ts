import { afterEach, beforeEach, expect, test } from 'bun:test'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FaultKind } from '../../src/simulator/faults'
import { checkStripeEvent } from '../contract/stripe'
import { type Account, CARD, openAccount, submit } from './stripe-account'

type Received = { url: string; body: string; signature: string; at: number }

let account: Account
let received: Received[]
let answer: () => Promise<Response>

beforeEach(() => {
  received = []
  answer = async () => new Response('ok')
  account = openAccount({ deliver })
})

afterEach(() => account.close())

/** The endpoint: keeps what arrives and answers as the test wants. */
async function deliver(url: string, init: RequestInit): Promise<Response> {
  const signature = new Headers(init.headers).get('stripe-signature') ?? ''
  received.push({ url, body: String(init.body), signature, at: account.clock.now() })
  return answer()
}

/** One event: a checkout that expires. */
async function emitOne(key = 'checkout-1'): Promise<void> {
  const { id } = await account.openCheckout(key)
  await account.payments.expireCheckout(id)
}

/** Moves the world's time and waits until what is due has gone through. */
async function pass(ms: number): Promise<void> {
  account.clock.advance(ms)
  await account.twin.settled()
}

function types(): string[] {
  return received.map(({ body }) => (JSON.parse(body) as { type: string }).type)
}

function inject(kind: FaultKind, delayMs?: number): void {
  account.front.faults.add({ provider: 'stripe', verb: 'webhook', kind, times: 1, delayMs })
}

test('every event of a sale arrives once, signed, shaped as Stripe sends it', async () => {
  const { url } = await account.openCheckout()
  await submit(url, CARD)
  await pass(1000)
  expect(types().toSorted()).toEqual([
    'checkout.session.completed',
    'customer.created',
    'customer.subscription.created',
    'invoice.created',
    'invoice.finalized',
    'invoice.paid',
    'invoice.payment_succeeded',
    'payment_intent.succeeded',
    'payment_method.attached',
  ])
  for (const { body, signature, at } of received) {
    expect(checkStripeEvent(JSON.parse(body))).toEqual([])
    const event = await account.payments.verifyWebhook(body, signature, at)
    expect(event.objectId).toBeString()
  }
  await pass(86_400_000)
  expect(received).toHaveLength(9)
  expect(account.twin.undelivered()).toBe(0)
  expect(account.twin.store.events.all().map((event) => event.pending_webhooks)).toEqual(Array(9).fill(0))
})

test('a webhook that is not answered with 2xx comes again after growing pauses, signed anew', async () => {
  await emitOne()
  const start = account.clock.now()
  const statuses = [500, 302, 400, 200]
  answer = async () => new Response(null, { status: statuses[received.length - 1] })
  for (let second = 0; second < 600; second++) await pass(1000)
  expect(received.map(({ at }) => at - start)).toEqual([1000, 6000, 36_000, 336_000])
  const last = received.at(-1)
  await account.payments.verifyWebhook(last?.body ?? '', last?.signature ?? '', last?.at ?? 0)
  expect(new Set(received.map(({ body }) => (JSON.parse(body) as { id: string }).id)).size).toBe(1)
})

test('an endpoint that is down gets the webhook when it is back, and is given up after three days', async () => {
  answer = async () => {
    throw new Error('connection refused')
  }
  await emitOne()
  for (let hour = 0; hour < 24 * 4; hour++) await pass(3_600_000)
  expect(received).toHaveLength(11)
  expect(account.twin.undelivered()).toBe(0)
  const tries = received.map(({ at }) => at)
  const pauses = tries.slice(1).map((at, index) => at - (tries[index] ?? 0))
  expect(pauses).toEqual(pauses.toSorted((a, b) => a - b))
  expect((tries.at(-1) ?? 0) - (tries[0] ?? 0)).toBeLessThanOrEqual(3 * 86_400_000)
})

test('a duplicate arrives twice, a lost reply once more later, a slow one late, a dropped one never', async () => {
  inject('duplicate')
  await emitOne('a')
  await pass(1000)
  expect(received).toHaveLength(2)

  inject('lose_reply')
  await emitOne('b')
  await pass(1000)
  expect(received).toHaveLength(3)
  await pass(5000)
  expect(received).toHaveLength(4)

  inject('slow', 60_000)
  await emitOne('c')
  await pass(1000)
  expect(received).toHaveLength(4)
  await pass(60_000)
  expect(received).toHaveLength(5)

  inject('timeout')
  await emitOne('d')
  await pass(1000)
  expect(received).toHaveLength(5)
  await pass(5000)
  expect(received).toHaveLength(6)

  inject('refuse')
  await emitOne('e')
  await pass(4 * 86_400_000)
  expect(received).toHaveLength(6)
  expect(account.twin.undelivered()).toBe(0)
})

test('disorder shuffles and repeats what is sent, and ends when told', async () => {
  account.twin.disorder({ spreadMs: 60_000, duplicateShare: 1 })
  const { url } = await account.openCheckout()
  await submit(url, CARD)
  for (let second = 0; second < 62; second++) await pass(1000)
  expect(received).toHaveLength(18)
  const order = account.twin.store.events.all().map(({ type }) => type)
  const firstSeen = [...new Set(types())]
  expect(firstSeen.toSorted()).toEqual(order.toSorted())
  expect(firstSeen).not.toEqual(order)
  account.twin.disorder(null)
  await emitOne('calm')
  await pass(1000)
  expect(received).toHaveLength(19)
})

test('webhooks go elsewhere once told so', async () => {
  await emitOne()
  account.twin.setWebhook('http://127.0.0.1:9/elsewhere')
  await pass(1000)
  expect(received.map(({ url }) => url)).toEqual(['http://127.0.0.1:9/elsewhere'])
})

test('after a stop nothing is sent any more', async () => {
  await emitOne()
  account.twin.stop()
  await pass(86_400_000)
  expect(received).toEqual([])
})

test('a restart goes on delivering, keeps the account and its ids', async () => {
  const file = join(tmpdir(), `atlas-stripe-${crypto.randomUUID()}.db`)
  const before = openAccount({ file, clock: account.clock, deliver })
  const { url } = await before.openCheckout()
  await submit(url, CARD)
  const products = before.twin.store.products.all().map(({ id }) => id)
  await before.close()

  const after = openAccount({ file, clock: account.clock, deliver })
  const again = await after.openCheckout()
  account.clock.advance(1000)
  await after.twin.settled()
  expect(received).toHaveLength(9)
  expect(
    after.twin.store.products
      .all()
      .map(({ id }) => id)
      .toSorted(),
  ).toEqual(products.toSorted())
  const old = after.twin.store.sessions.all().map(({ id }) => id)
  const { id } = await after.openCheckout('another')
  expect(old).toHaveLength(1)
  expect(again.id).toBe(old[0] ?? '')
  expect(id).not.toBe(again.id)
  await after.close()
  for (const end of ['', '-wal', '-shm']) await rm(`${file}${end}`, { force: true })
})

test('a webhook travels over real HTTP to the endpoint', async () => {
  const arrived = Promise.withResolvers<{ body: string; signature: string }>()
  const endpoint = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    async fetch(request) {
      arrived.resolve({
        body: await request.text(),
        signature: request.headers.get('stripe-signature') ?? '',
      })
      return new Response('ok')
    },
  })
  const real = openAccount({ clock: account.clock, deliver: fetch })
  real.twin.setWebhook(`http://127.0.0.1:${endpoint.port}/api/stripe/webhook`)
  const { id } = await real.openCheckout()
  await real.payments.expireCheckout(id)
  account.clock.advance(1000)
  const { body, signature } = await arrived.promise
  const event = await real.payments.verifyWebhook(body, signature, account.clock.now())
  expect(event).toMatchObject({ type: 'checkout.session.expired', objectId: id })
  await real.twin.settled()
  await real.close()
  await endpoint.stop(true)
})
