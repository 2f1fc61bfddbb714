import { afterAll, beforeAll, expect, test } from 'bun:test'
import type { Exchange } from '../../src/simulator/twin'
import { checkStripe, checkStripeEvent } from '../contract/stripe'
import { type Account, CARD, openAccount, submit } from './stripe-account'

let account: Account
let opened: Exchange
let read: Exchange

beforeAll(async () => {
  account = openAccount()
  const { id, url } = await account.openCheckout()
  await submit(url, CARD)
  await account.payments.getCheckout(id)
  const [first, second] = account.exchanges
  if (!first || !second) throw new Error('two exchanges were expected')
  opened = first
  read = second
})

afterAll(() => account.close())

/** The exchange with its answer changed. */
function answering(exchange: Exchange, change: (body: Record<string, unknown>) => void): Exchange {
  const body = JSON.parse(exchange.responseBody) as Record<string, unknown>
  change(body)
  return { ...exchange, responseBody: JSON.stringify(body) }
}

test('what the client and the twin say is as Stripe says it', () => {
  expect([...checkStripe(opened), ...checkStripe(read)]).toEqual([])
})

const BROKEN: [what: string, broken: () => Exchange][] = [
  ['a parameter Stripe does not have', () => ({ ...opened, requestBody: `${opened.requestBody}&magic=1` })],
  [
    'a nested parameter it does not have',
    () => ({ ...opened, requestBody: `${opened.requestBody}&subscription_data[magic]=1` }),
  ],
  [
    'a number that is none',
    () => ({ ...opened, requestBody: opened.requestBody.replace(/expires_at=\d+/, 'expires_at=soon') }),
  ],
  ['a path it does not have', () => ({ ...opened, path: '/v1/checkout/magic' })],
  ['no key', () => ({ ...opened, requestHeaders: { ...opened.requestHeaders, authorization: '' } })],
  [
    'no idempotency key',
    () => ({ ...opened, requestHeaders: { ...opened.requestHeaders, 'idempotency-key': '' } }),
  ],
  [
    'another version',
    () => ({ ...opened, requestHeaders: { ...opened.requestHeaders, 'stripe-version': '2020-08-27' } }),
  ],
  ['no request id', () => ({ ...opened, responseHeaders: {} })],
  ['a field too few', () => answering(opened, (body) => delete body.payment_status)],
  ['a field too many', () => answering(opened, (body) => Object.assign(body, { magic: 1 }))],
  ['a word it does not use', () => answering(opened, (body) => Object.assign(body, { status: 'paid' }))],
  ['an unexpanded id', () => answering(read, (body) => Object.assign(body, { invoice: 'in_1' }))],
  [
    'a broken expanded object',
    () => answering(read, (body) => delete (body.invoice as Record<string, unknown>).lines),
  ],
  ['an error without a type', () => ({ ...opened, status: 400, responseBody: '{"error":{"message":"no"}}' })],
  [
    'a 402 that is no card error',
    () => ({ ...opened, status: 402, responseBody: '{"error":{"type":"api_error","message":"no"}}' }),
  ],
]

for (const [what, broken] of BROKEN) {
  test(`an exchange with ${what} is rejected`, () => {
    expect(checkStripe(broken())).not.toEqual([])
  })
}

test('an event with a field too few, or a broken object, is rejected', () => {
  const [event] = account.twin.store.events.all()
  if (!event) throw new Error('an event was expected')
  expect(checkStripeEvent(event)).toEqual([])
  const { request: _request, ...less } = event
  expect(checkStripeEvent(less)).not.toEqual([])
  expect(checkStripeEvent({ ...event, data: { object: { object: 'customer' } } })).not.toEqual([])
})
