import { afterEach, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { countTry, isWithin, networkOf, sweepRateLimits } from '../../src/accounts/rate-limit'
import { ManualClock } from '../../src/clock'
import { rateLimits } from '../../src/db/schema'
import { ADMIN_EMAIL, openStage, type Stage, type StageOptions } from '../stage'

const stages: Stage[] = []
const open = (options?: StageOptions) => {
  const stage = openStage(options)
  stages.push(stage)
  return stage
}
afterEach(async () => {
  for (const stage of stages.splice(0)) await stage.close()
})

const LIMIT = { key: 'k', max: 3, windowMs: 60_000 }

describe('a limit', () => {
  test('lets its number through, then says how long to wait, then starts anew', () => {
    const { services, clock } = open()
    for (let i = 0; i < 3; i++) countTry(services.db, LIMIT, clock.now())
    clock.advance(20_000)
    expect(() => countTry(services.db, LIMIT, clock.now())).toThrow('Too many tries')
    try {
      countTry(services.db, LIMIT, clock.now())
    } catch (thrown) {
      expect(thrown).toMatchObject({ code: 'unavailable', retryAfterMs: 40_000 })
    }
    clock.advance(40_000)
    for (let i = 0; i < 3; i++) expect(isWithin(services.db, LIMIT, clock.now())).toBe(true)
    expect(isWithin(services.db, LIMIT, clock.now())).toBe(false)
  })

  test('counts tries that are refused too, so that hammering does not pay', () => {
    const { services, clock } = open()
    for (let i = 0; i < 50; i++) isWithin(services.db, LIMIT, clock.now())
    expect(services.db.read.select().from(rateLimits).all()).toMatchObject([{ key: 'k', count: 50 }])
  })

  test('is forgotten by the sweep when its window is over', () => {
    const { services, clock } = open()
    countTry(services.db, LIMIT, clock.now())
    sweepRateLimits(services.db, clock.now() + 60_000)
    expect(services.db.read.select().from(rateLimits).all()).toHaveLength(1)
    sweepRateLimits(services.db, clock.now() + 60_001)
    expect(services.db.read.select().from(rateLimits).all()).toEqual([])
  })

  test.each([
    ['203.0.113.7', '203.0.113.7'],
    ['::ffff:203.0.113.7', '203.0.113.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::', '2001:db8:1:2::/64'],
    ['2001:0DB8:0001:0002:ffff::1', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['1::2:3:4:5:6:7', '1:0:2:3::/64'],
    ['::1', '0:0:0:0::/64'],
    ['::', '0:0:0:0::/64'],
    [null, 'unknown'],
  ])('counts %p as %p', (ip, network) => {
    expect(networkOf(ip)).toBe(network)
  })
})

/** How many of `tries` requests were let in. */
async function letIn(tries: number, send: (at: number) => Promise<Response>): Promise<number> {
  let count = 0
  for (let at = 0; at < tries; at++) if ((await send(at)).status !== 429) count++
  return count
}

describe('whoever asks too often', () => {
  test('gets 429 and the time to wait, on pages and on the API alike', async () => {
    const stage = open()
    const browser = stage.browser()
    await letIn(30, () => browser.ask('/api/signup', { method: 'POST', json: {} }))
    const api = await browser.ask('/api/signup', { method: 'POST', json: {} })
    expect(api.status).toBe(429)
    expect(Number(api.headers.get('retry-after'))).toBe(3600)
    expect(await api.json()).toEqual({
      error: { code: 'unavailable', message: 'Too many tries. Wait a little, then try again.' },
    })
    const form = await browser.post('/signup', {
      subdomain: 'ada-lovelace',
      email: 'ada@example.com',
      plan: 'pro',
    })
    expect(form.status).toBe(429)
    expect(await form.text()).toContain('value="ada-lovelace"')
  })

  test('is known by the last hop only: what the client writes into X-Forwarded-For changes nothing', async () => {
    const stage = open()
    const invented = (at: number) => `10.0.0.${at}, 2001:db8::${at}, nonsense-${at}, 203.0.113.7`
    const count = await letIn(40, (at) =>
      stage.browser().post('/login', { email: `a${at}@example.com` }, { 'x-forwarded-for': invented(at) }),
    )
    expect(count).toBe(20)
    expect((await stage.browser('198.51.100.1').post('/login', { email: 'b@example.com' })).status).toBe(200)
  })

  test('does not escape by changing addresses within the /64 that everyone has of IPv6', async () => {
    const stage = open()
    const count = await letIn(40, (at) =>
      stage.browser(`2001:db8:1:2:${at.toString(16)}::1`).post('/login', { email: `a${at}@example.com` }),
    )
    expect(count).toBe(20)
  })

  test('does not escape by waiting for a restart', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'atlas-limits-'))
    const clock = new ManualClock()
    const file = join(folder, 'atlas.db')
    const first = openStage({ file, clock })
    await letIn(20, (at) => first.browser().post('/login', { email: `a${at}@example.com` }))
    await first.close()
    const second = openStage({ file, clock })
    expect((await second.browser().post('/login', { email: 'z@example.com' })).status).toBe(429)
    await second.close()
    rmSync(folder, { recursive: true })
  })

  test('at one place cannot keep the operator from asking at another', async () => {
    const stage = open()
    const count = await letIn(20, () => stage.browser('198.51.100.1').post('/login', { email: ADMIN_EMAIL }))
    expect(count).toBe(5)
    expect(stage.mails()).toHaveLength(5)
    expect((await stage.browser('203.0.113.9').post('/login', { email: ADMIN_EMAIL })).status).toBe(200)
  })

  test('cannot flood the operator’s mailbox from many places either, and learns nothing from being stopped', async () => {
    const stage = open()
    const flood = (email: string) =>
      letIn(60, (at) => stage.browser(`198.51.100.${at}`).post('/login', { email }))
    expect(await flood(ADMIN_EMAIL)).toBe(30)
    expect(stage.mails()).toHaveLength(30)
    expect(await flood('stranger@example.com')).toBe(30)
  })

  test('cannot try many links', async () => {
    const stage = open()
    const count = await letIn(40, (at) => stage.browser().post('/login/confirm', { token: `guess-${at}` }))
    expect(count).toBe(30)
  })

  test('cannot have Stripe asked without end through a signup of theirs', async () => {
    const stage = open()
    const browser = stage.browser()
    const began = await browser.ask('/api/signup', {
      method: 'POST',
      json: { subdomain: 'ada-lovelace', email: 'ada@example.com', plan: 'starter' },
    })
    const { status_url } = (await began.json()) as { status_url: string }
    const { pathname, search } = new URL(status_url)
    for (let i = 0; i < 60; i++) expect((await browser.get(`${pathname}${search}`)).status).toBe(200)
    expect(stage.payments.calls.filter((name) => name === 'getCheckout')).toHaveLength(20)
    const count = await letIn(40, () => browser.post(`/signup/checkout${search}`))
    expect(count).toBe(20)
  })

  test('while typing a name is not stopped by an honest pace', async () => {
    const stage = open()
    const count = await letIn(310, (at) => stage.browser().get(`/signup/subdomain?subdomain=name-${at}`))
    expect(count).toBe(300)
  })
})
