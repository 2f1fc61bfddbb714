import { describe, expect, test } from 'bun:test'
import { ManualClock } from '../../src/clock'
import { Front } from '../../src/simulator/front'
import { ResendTwin, type StoredMail } from '../../src/simulator/resend'
import type { Exchange } from '../../src/simulator/twin'
import { World } from '../../src/simulator/world'
import { checkResend } from '../contract/resend'

const MAIL = { from: 'a@virtues.example', to: ['ada@example.com'], subject: 'Hello', html: '<p>Hi</p>' }

type Headers = Record<string, string>
type Answer = { status: number; body: Record<string, unknown>; headers: Headers }

function stage(options: { domains?: string[]; requestsPerSecond?: number } = {}) {
  const clock = new ManualClock()
  const world = new World({ clock })
  const front = new Front(world, [new ResendTwin(world, { apiKey: 're_test', ...options })], async () => null)
  const seen: Exchange[] = []
  front.observe((exchange) => {
    seen.push(exchange)
  })
  const call = async (
    method: string,
    path: string,
    body?: RequestInit['body'],
    headers: Headers = {},
  ): Promise<Answer> => {
    const authorization = 'Bearer re_test'
    const request = new Request(`http://clouds/resend${path}`, {
      method,
      body,
      headers: { authorization, ...headers },
    })
    const response = await front.answer(request)
    const answer = (await response.json()) as Record<string, unknown>
    return { status: response.status, body: answer, headers: Object.fromEntries(response.headers) }
  }
  const send = (mail: unknown, headers?: Headers) => call('POST', '/emails', JSON.stringify(mail), headers)
  return { clock, world, front, seen, call, send, mails: () => world.table<StoredMail>('resend_email').all() }
}

describe('sending', () => {
  test('answers an id under which the mail can be read', async () => {
    const { send, call, seen } = stage()
    const sent = await send({ ...MAIL, cc: 'grace@example.com', headers: { 'X-A': 'b' } })
    expect(sent.status).toBe(200)
    expect(sent.body.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}$/)
    const read = await call('GET', `/emails/${sent.body.id}`)
    expect(read.body).toMatchObject({
      ...MAIL,
      cc: ['grace@example.com'],
      object: 'email',
      last_event: 'delivered',
    })
    expect(await call('GET', '/emails/nope')).toMatchObject({ status: 404, body: { name: 'not_found' } })
    expect(seen.flatMap(checkResend)).toEqual([])
  })

  const refused: [string, unknown, number, string, string][] = [
    ['no from', { ...MAIL, from: undefined }, 422, 'missing_required_field', '`from`'],
    ['no to', { ...MAIL, to: [] }, 422, 'missing_required_field', '`to`'],
    ['no subject', { ...MAIL, subject: '' }, 422, 'missing_required_field', '`subject`'],
    ['no content', { ...MAIL, html: undefined }, 422, 'missing_required_field', '`html` or `text`'],
    ['a bad from', { ...MAIL, from: 'Virtues' }, 422, 'validation_error', '`from`'],
    [
      'a line break in from',
      { ...MAIL, from: 'A\r\nBcc: x <a@b.example>' },
      422,
      'validation_error',
      '`from`',
    ],
    ['a bad to', { ...MAIL, to: ['ada@example.com', 'ada'] }, 422, 'validation_error', '`to`'],
    ['a to of another type', { ...MAIL, to: 7 }, 422, 'validation_error', '`to`'],
    ['too many', { ...MAIL, to: Array(51).fill('ada@example.com') }, 422, 'validation_error', '50'],
    ['a subject of another type', { ...MAIL, subject: {} }, 422, 'validation_error', '`subject`'],
    ['headers of another type', { ...MAIL, headers: { a: 1 } }, 422, 'validation_error', '`headers`'],
    ['a list', [MAIL], 400, 'validation_error', 'JSON object'],
  ]
  test.each(refused)('refuses %s', async (_, mail, status, name, message) => {
    const { send, mails } = stage()
    const answer = await send(mail)
    expect(answer).toMatchObject({ status, body: { statusCode: status, name } })
    expect(answer.body.message).toContain(message)
    expect(mails()).toEqual([])
  })

  test('refuses what is no JSON, and a domain that is not verified', async () => {
    expect(await stage().call('POST', '/emails', '{')).toMatchObject({ status: 400 })
    const { send, seen } = stage({ domains: ['virtues.example'] })
    expect((await send(MAIL)).status).toBe(200)
    expect((await send({ ...MAIL, from: 'A <a@VIRTUES.example>' })).status).toBe(200)
    expect((await send({ ...MAIL, from: 'A <a@evil-virtues.example>' })).status).toBe(403)
    expect(seen.flatMap(checkResend)).toEqual([])
  })

  test('refuses other paths and methods', async () => {
    const { call } = stage()
    expect(await call('DELETE', '/emails')).toMatchObject({
      status: 405,
      body: { name: 'method_not_allowed' },
    })
    expect(await call('GET', '/nope')).toMatchObject({ status: 404, body: { name: 'not_found' } })
  })

  test('refuses a wrong or a missing key', async () => {
    const { call } = stage()
    const wrong = await call('POST', '/emails', JSON.stringify(MAIL), { authorization: 'Bearer re_x' })
    expect(wrong).toMatchObject({ status: 403, body: { name: 'invalid_api_key' } })
    const missing = await call('POST', '/emails', JSON.stringify(MAIL), { authorization: '' })
    expect(missing).toMatchObject({ status: 401, body: { name: 'missing_api_key' } })
  })
})

describe('idempotency keys', () => {
  const KEY = { 'idempotency-key': 'welcome/1' }

  test('hold for 24 hours', async () => {
    const { send, clock, mails } = stage()
    const first = await send(MAIL, KEY)
    clock.advance(24 * 60 * 60 * 1000 - 1)
    expect((await send(MAIL, KEY)).body).toEqual(first.body)
    expect(mails()).toHaveLength(1)
    clock.advance(1)
    expect((await send(MAIL, KEY)).body).not.toEqual(first.body)
    expect(mails()).toHaveLength(2)
  })

  test('refuse another mail, and do not remember a refusal', async () => {
    const { send, mails } = stage()
    expect((await send({ ...MAIL, to: 'nobody' }, KEY)).status).toBe(422)
    expect((await send(MAIL, KEY)).status).toBe(200)
    const other = await send({ ...MAIL, subject: 'Other' }, KEY)
    expect(other).toMatchObject({ status: 409, body: { name: 'invalid_idempotent_request' } })
    expect(mails()).toHaveLength(1)
  })

  test('refuse a second request while the first is still coming in', async () => {
    const { world, send, mails } = stage()
    const twin = new ResendTwin(world, { apiKey: 're_test' })
    let finish = () => {}
    const body = new ReadableStream({
      start(controller) {
        finish = () => {
          controller.enqueue(new TextEncoder().encode(JSON.stringify(MAIL)))
          controller.close()
        }
      },
    })
    const headers = { authorization: 'Bearer re_test', ...KEY }
    const url = 'http://clouds/resend/emails'
    const first = twin.handle(new Request(url, { method: 'POST', headers, body }))
    const second = await twin.handle(
      new Request(url, { method: 'POST', headers, body: JSON.stringify(MAIL) }),
    )
    expect(second.status).toBe(409)
    expect(await second.json()).toMatchObject({ name: 'concurrent_idempotent_requests' })
    finish()
    expect((await first).status).toBe(200)
    expect((await send(MAIL, KEY)).status).toBe(200)
    expect(mails()).toHaveLength(1)
  })

  test('are at most 256 characters long', async () => {
    const { send } = stage()
    expect((await send(MAIL, { 'idempotency-key': 'k'.repeat(256) })).status).toBe(200)
    const answer = await send(MAIL, { 'idempotency-key': 'k'.repeat(257) })
    expect(answer).toMatchObject({ status: 400, body: { name: 'invalid_idempotency_key' } })
  })
})

test('the limit of requests is told in headers and kept', async () => {
  const { send, clock } = stage({ requestsPerSecond: 2 })
  expect((await send(MAIL)).headers).toMatchObject({ 'ratelimit-limit': '2', 'ratelimit-remaining': '1' })
  expect((await send(MAIL)).headers).toMatchObject({ 'ratelimit-remaining': '0' })
  const refused = await send(MAIL)
  expect(refused).toMatchObject({ status: 429, body: { name: 'rate_limit_exceeded' } })
  expect(refused.headers).toMatchObject({ 'retry-after': '1', 'ratelimit-remaining': '0' })
  clock.advance(1000)
  expect((await send(MAIL)).status).toBe(200)
})

describe('the contract check', () => {
  const breaks: [string, (exchange: Exchange) => Exchange][] = [
    ['another path', (e) => ({ ...e, path: '/mails' })],
    ['a request without a recipient', (e) => ({ ...e, requestBody: e.requestBody.replace('"to"', '"too"') })],
    ['a subject that is a number', (e) => ({ ...e, requestBody: e.requestBody.replace('"Hello"', '7') })],
    ['a request in another format', (e) => ({ ...e, requestBody: 'to=ada' })],
    ['a request without a key', (e) => ({ ...e, requestHeaders: {} })],
    ['an answer with another member', (e) => ({ ...e, responseBody: '{"id":"1","object":"email"}' })],
    ['an id that is a number', (e) => ({ ...e, responseBody: '{"id":1}' })],
    [
      'an unknown error',
      (e) => ({ ...e, status: 422, responseBody: '{"statusCode":422,"name":"x","message":""}' }),
    ],
    [
      'an error with another status',
      (e) => ({ ...e, status: 400, responseBody: '{"statusCode":400,"name":"not_found","message":""}' }),
    ],
  ]
  test.each(breaks)('rejects %s', async (_, breakIt) => {
    const { send, seen } = stage()
    await send(MAIL)
    const good = seen[0] as Exchange
    expect(checkResend(good)).toEqual([])
    expect(checkResend(breakIt(good))).not.toEqual([])
  })
})
