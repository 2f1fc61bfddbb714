import { afterEach, describe, expect, test } from 'bun:test'
import { ManualClock } from '../../src/clock'
import { AtlasError } from '../../src/errors'
import type { Mail, Mailer } from '../../src/providers/mailer'
import { createResend } from '../../src/providers/resend'
import { Front } from '../../src/simulator/front'
import { ResendTwin, type StoredMail } from '../../src/simulator/resend'
import type { Exchange } from '../../src/simulator/twin'
import { World } from '../../src/simulator/world'
import { checkResend } from '../contract/resend'

const MAIL: Mail = {
  from: 'Virtues <hello@virtues.example>',
  to: 'ada@example.com',
  subject: 'Your site is live',
  html: '<p>It is <a href="http://ada.localhost:9000">here</a>.</p>',
  text: 'It is here: http://ada.localhost:9000',
}

type Stage = { mailer: Mailer; front: Front; clock: ManualClock; seen: Exchange[]; mails: () => StoredMail[] }
const fronts: Front[] = []

afterEach(async () => {
  await Promise.all(fronts.splice(0).map((front) => front.stop()))
})

function stage(settings: Partial<Parameters<typeof createResend>[0]> = {}, domains?: string[]): Stage {
  const clock = new ManualClock()
  const world = new World({ clock })
  const front = new Front(world, [new ResendTwin(world, { apiKey: 're_test', domains })], async () => null)
  const apiUrl = `${front.listen(0)}/resend`
  fronts.push(front)
  const seen: Exchange[] = []
  front.observe((exchange) => {
    seen.push(exchange)
  })
  const mailer = createResend({ apiKey: 're_test', apiUrl, ...settings })
  return { mailer, front, clock, seen, mails: () => world.table<StoredMail>('resend_email').all() }
}

async function failure(promise: Promise<unknown>): Promise<AtlasError> {
  const thrown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (!(thrown instanceof AtlasError)) throw new Error('expected an AtlasError', { cause: thrown })
  return thrown
}

describe('sending', () => {
  test('delivers the mail as it is', async () => {
    const { mailer, mails, seen } = stage()
    const { id } = await mailer.send(MAIL, 'welcome/1')
    expect(mails()).toHaveLength(1)
    expect(mails()[0]).toMatchObject({ ...MAIL, to: [MAIL.to], id, idempotencyKey: 'welcome/1' })
    expect(seen.flatMap(checkResend)).toEqual([])
  })

  test('the same key sends once, and another mail under it is a conflict', async () => {
    const { mailer, mails, seen } = stage()
    const first = await mailer.send(MAIL, 'welcome/1')
    expect(await mailer.send(MAIL, 'welcome/1')).toEqual(first)
    const refused = await failure(mailer.send({ ...MAIL, subject: 'Other' }, 'welcome/1'))
    expect(refused).toMatchObject({ code: 'conflict', vendorCode: 'invalid_idempotent_request' })
    expect(mails()).toHaveLength(1)
    await mailer.send(MAIL, 'welcome/2')
    expect(mails()).toHaveLength(2)
    expect(seen.flatMap(checkResend)).toEqual([])
  })

  test('a lost reply leaves the outcome unknown, and trying again sends nothing more', async () => {
    const { mailer, front, mails } = stage()
    front.faults.add({ provider: 'resend', verb: 'POST /emails', kind: 'lose_reply', times: 1 })
    expect(await failure(mailer.send(MAIL, 'welcome/1'))).toMatchObject({
      code: 'unavailable',
      outcome: 'unknown',
    })
    await mailer.send(MAIL, 'welcome/1')
    expect(mails()).toHaveLength(1)
  })

  test('an answer that never comes is given up', async () => {
    const { mailer, front } = stage({ timeoutMs: 50 })
    front.faults.add({ provider: 'resend', verb: '*', kind: 'timeout', times: 1 })
    expect(await failure(mailer.send(MAIL, 'welcome/1'))).toMatchObject({
      code: 'unavailable',
      outcome: 'unknown',
    })
  })

  test('nobody listening is unavailable', async () => {
    const { mailer, front } = stage()
    await front.stop()
    expect(await failure(mailer.send(MAIL, 'welcome/1'))).toMatchObject({ code: 'unavailable' })
  })
})

describe('refusals in our words', () => {
  const refusals: [number, string, Partial<AtlasError>][] = [
    [429, 'rate_limit_exceeded', { code: 'unavailable', outcome: 'refused', retryAfterMs: 1000 }],
    [429, 'daily_quota_exceeded', { code: 'unavailable', outcome: 'refused' }],
    [409, 'concurrent_idempotent_requests', { code: 'unavailable', outcome: 'unknown' }],
    [401, 'restricted_api_key', { code: 'unauthorized' }],
    [403, 'validation_error', { code: 'forbidden' }],
    [422, 'validation_error', { code: 'invalid' }],
    [500, 'application_error', { code: 'unavailable', outcome: 'unknown' }],
    [503, 'service_unavailable', { code: 'unavailable', outcome: 'refused' }],
    [404, 'not_found', { code: 'internal' }],
  ]
  test.each(refusals)('%d %s', async (status, code, expected) => {
    const { mailer, front, mails } = stage()
    front.faults.add({ provider: 'resend', verb: '*', kind: 'refuse', times: 1, status, code })
    expect(await failure(mailer.send(MAIL, 'k'))).toMatchObject({ ...expected, vendorCode: code })
    expect(mails()).toEqual([])
  })

  test('a page of HTML instead of JSON is unavailable', async () => {
    using server = Bun.serve({ port: 0, fetch: () => new Response('<h1>Bad gateway</h1>', { status: 502 }) })
    const { mailer } = stage({ apiUrl: `http://127.0.0.1:${server.port}` })
    expect(await failure(mailer.send(MAIL, 'k'))).toMatchObject({ code: 'unavailable', outcome: 'unknown' })
  })

  test('an answer without an id is not taken for sent', async () => {
    using server = Bun.serve({ port: 0, fetch: () => Response.json({}) })
    const { mailer } = stage({ apiUrl: `http://127.0.0.1:${server.port}` })
    expect(await failure(mailer.send(MAIL, 'k'))).toMatchObject({ code: 'unavailable', outcome: 'unknown' })
  })

  test('a wrong key names the variable, a domain that is not verified too', async () => {
    const wrongKey = await failure(stage({ apiKey: 're_other' }).mailer.send(MAIL, 'k'))
    expect(wrongKey).toMatchObject({ code: 'unauthorized', vendorCode: 'invalid_api_key' })
    expect(wrongKey.message).toContain('RESEND_API_KEY')
    const unverified = await failure(stage({}, ['other.example']).mailer.send(MAIL, 'k'))
    expect(unverified.code).toBe('forbidden')
    expect(unverified.message).toContain('EMAIL_FROM')
  })

  test('no message carries the key, an address or the mail', async () => {
    const { message } = await failure(stage({ apiKey: 're_other' }).mailer.send(MAIL, 'k'))
    expect(message).not.toMatch(/re_other|re_test|ada|Virtues/)
  })
})
