import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { SESSION_IDLE_MS, SESSION_LASTS_MS, sweepSessions } from '../../src/accounts/session'
import { auditEvents, loginLinks, sessions } from '../../src/db/schema'
import { hashToken } from '../../src/secrets'
import type { Browser } from '../browser-habits'
import { openStage, type Stage } from '../stage'

const COOKIE = '__Host-atlas_session'
const DAY_MS = 86_400_000

let stage: Stage
let operator: Browser
beforeEach(async () => {
  stage = openStage()
  operator = await stage.operator()
})
afterEach(() => stage.close())

const isIn = async (browser = operator) => (await browser.get('/admin')).status === 200
const stored = () => stage.services.db.read.select().from(sessions).all()

test('is stored as a hash, with where it was opened', () => {
  const [row] = stored()
  expect(row?.tokenHash).toBe(hashToken(operator.cookies.get(COOKIE)!))
  expect(row).toMatchObject({ ip: '203.0.113.7', createdAt: stage.clock.now() })
})

test('every sign-in gets a token of its own', async () => {
  const second = await stage.operator()
  expect(second.cookies.get(COOKIE)).not.toBe(operator.cookies.get(COOKIE))
  expect(stored()).toHaveLength(2)
})

test('ends when it is not used for three days', async () => {
  stage.clock.advance(SESSION_IDLE_MS - 1)
  expect(await isIn()).toBe(true)
  stage.clock.advance(SESSION_IDLE_MS)
  expect(await isIn()).toBe(false)
})

test('ends after two weeks, however busy', async () => {
  for (let day = 1; day < 14; day++) {
    stage.clock.advance(DAY_MS)
    expect(await isIn()).toBe(true)
  }
  stage.clock.advance(SESSION_LASTS_MS - 13 * DAY_MS - 1)
  expect(await isIn()).toBe(true)
  stage.clock.advance(1)
  expect(await isIn()).toBe(false)
})

test('is written at most once a minute, however often it is used', async () => {
  const seen = async (afterMs: number) => {
    stage.clock.advance(afterMs)
    await operator.get('/admin')
    return stored()[0]?.seenAt
  }
  const openedAt = stage.clock.now()
  expect(await seen(60_000)).toBe(openedAt)
  expect(await seen(1)).toBe(openedAt + 60_001)
})

describe('signing out', () => {
  test('ends this session at once and no other, and says so in the audit log', async () => {
    const other = await stage.operator()
    const token = operator.cookies.get(COOKIE)!
    const answer = await operator.post('/logout')
    expect(answer.headers.get('location')).toBe('/login')
    expect(answer.headers.getSetCookie()).toEqual([
      `${COOKIE}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0; Secure`,
    ])
    operator.cookies.set(COOKIE, token)
    expect(await isIn()).toBe(false)
    expect(await isIn(other)).toBe(true)
    expect(stage.services.db.read.select().from(auditEvents).all().at(-1)?.action).toBe('logout')
  })

  test('works without a session, and another site cannot do it', async () => {
    expect((await stage.browser().post('/logout')).status).toBe(303)
    const forced = await operator.post(
      '/logout',
      {},
      { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' },
    )
    expect(forced.status).toBe(403)
    expect(await isIn()).toBe(true)
  })
})

test('a session is the operator’s only as long as the configuration names that address', async () => {
  stage.services.settings.adminEmail = 'successor@example.com'
  expect((await operator.get('/admin')).status).toBe(404)
  expect((await operator.get('/api/admin/tenants')).status).toBe(401)
  expect((await operator.get('/login')).status).toBe(200)
})

test.each(['', ' ', 'x', `${'x'.repeat(43)}`, '../../etc', '%00', "' OR 1=1 --"])(
  'the cookie %p opens nothing',
  async (value) => {
    const browser = stage.browser()
    browser.cookies.set(COOKIE, value)
    expect((await browser.get('/admin')).status).toBe(303)
  },
)

test('a cookie tossed in beside the real one does not count', async () => {
  const token = operator.cookies.get(COOKIE)
  const cookie = `${COOKIE}=${token}; ${COOKIE}=tossed; atlas_session=${token}`
  expect((await stage.browser().get('/admin', { cookie })).status).toBe(200)
  // Without the prefix any host of the domain could have set it.
  expect((await stage.browser().get('/admin', { cookie: `atlas_session=${token}` })).status).toBe(303)
})

test('the sweep forgets what is over and nothing else', async () => {
  await stage.browser().post('/login', { email: stage.services.settings.adminEmail })
  const { db, clock } = stage.services
  const counts = () => [stored().length, db.read.select().from(loginLinks).all().length]
  sweepSessions(db, clock.now())
  expect(counts()).toEqual([1, 1])
  stage.clock.advance(DAY_MS)
  sweepSessions(db, clock.now())
  expect(counts()).toEqual([1, 0])
  stage.clock.advance(SESSION_LASTS_MS)
  sweepSessions(db, clock.now())
  expect(counts()).toEqual([0, 0])
})

test('signing in again ends the session that the same browser had, and no other', async () => {
  const elsewhere = await stage.operator()
  const before = operator.cookies.get(COOKIE)
  stage.clock.advance(1_000)
  await operator.post('/login', { email: stage.services.settings.adminEmail })
  await operator.post('/login/confirm', { token: stage.loginToken() })
  expect(operator.cookies.get(COOKIE)).not.toBe(before!)
  expect((await operator.get('/admin')).status).toBe(200)
  expect((await elsewhere.get('/admin')).status).toBe(200)
  expect((await stage.browser().get('/admin', { cookie: `${COOKIE}=${before}` })).status).toBe(303)
})
