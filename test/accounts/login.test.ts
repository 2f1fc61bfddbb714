import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { createLoginLink, LINK_LASTS_MS } from '../../src/accounts/login'
import { auditEvents, loginLinks, outbox } from '../../src/db/schema'
import type { Browser } from '../browser-habits'
import { ADMIN_EMAIL, openStage, type Stage } from '../stage'

let stage: Stage
beforeEach(() => {
  stage = openStage()
})
afterEach(() => stage.close())

const REFUSED = 'This link was used, has expired, or was asked for in another browser.'

const confirm = (browser: Browser, token: string) => browser.post('/login/confirm', { token })
const isIn = async (browser: Browser) => (await browser.get('/admin')).status === 200

async function refusal(answer: Response): Promise<string> {
  expect(answer.status).toBe(422)
  expect(answer.headers.getSetCookie()).toEqual([])
  const text = await answer.text()
  expect(text).toContain(REFUSED)
  return text
}

describe('a link that was made beside Atlas', () => {
  const made = (email = ADMIN_EMAIL) => {
    const { db, clock } = stage.services
    const path = db.write((tx) => createLoginLink(tx, email, clock.now()))
    return Object.fromEntries(new URL(path, 'https://atlas.example').searchParams)
  }

  test('signs the operator in, in any browser and once', async () => {
    const link = made()
    const browser = stage.browser()
    const page = await (await browser.get(`/login/confirm?${new URLSearchParams(link)}`)).text()
    for (const half of Object.values(link)) expect(page).toContain(`value="${half}"`)
    expect(await isIn(browser)).toBe(false)
    expect((await browser.post('/login/confirm', link)).status).toBe(303)
    expect(await isIn(browser)).toBe(true)
    await refusal(await stage.browser().post('/login/confirm', link))
  })

  test('is useless by half, too late, or for anybody but the operator', async () => {
    const { token = '', browser: half = '' } = made()
    await refusal(await stage.browser().post('/login/confirm', { token }))
    await refusal(await stage.browser().post('/login/confirm', { token, browser: token }))
    await refusal(await stage.browser().post('/login/confirm', { token: half, browser: half }))
    await refusal(await stage.browser().post('/login/confirm', made('stranger@example.com')))
    stage.clock.advance(LINK_LASTS_MS)
    await refusal(await stage.browser().post('/login/confirm', { token, browser: half }))
  })

  test('is there when the tries for a link by mail are used up', async () => {
    for (let i = 0; i < 6; i++) await stage.browser().post('/login', { email: ADMIN_EMAIL })
    expect((await stage.browser().post('/login', { email: ADMIN_EMAIL })).status).toBe(429)
    expect((await stage.browser().post('/login/confirm', made())).status).toBe(303)
  })
})

describe('asking for a link', () => {
  test('is answered the same for the operator’s address and for any other', async () => {
    const [known, unknown] = await Promise.all(
      [ADMIN_EMAIL, 'stranger@example.com'].map(async (email) => {
        const answer = await stage.browser().post('/login', { email })
        const cookies = answer.headers.getSetCookie().map((line) => line.replace(/=[\w-]{43};/, '=…;'))
        const headers = [...answer.headers].filter(([name]) => name !== 'set-cookie')
        return { status: answer.status, body: await answer.text(), headers, cookies }
      }),
    )
    expect(known).toEqual(unknown!)
    expect(known!.status).toBe(200)
    expect(known!.cookies).toEqual([
      '__Host-atlas_browser=…; Path=/; HttpOnly; SameSite=Lax; Max-Age=900; Secure',
    ])
  })

  test('mails the operator only, whatever the case of the address', async () => {
    for (const email of [
      'stranger@example.com',
      `${ADMIN_EMAIL}.example.org`,
      `x${ADMIN_EMAIL}`,
      ` ${ADMIN_EMAIL.toUpperCase()} `,
    ])
      await stage.browser().post('/login', { email })
    const mails = stage.mails()
    expect(mails.map(({ to }) => to)).toEqual([ADMIN_EMAIL])
    expect(mails[0]?.text).toContain('https://shop.example.com/login/confirm?token=')
  })

  test.each([
    ['a second address', `${ADMIN_EMAIL},thief@example.com`],
    ['a line break', `${ADMIN_EMAIL}\r\nBcc: thief@example.com`],
    ['no address', 'founder'],
    ['64 KB', `${'a'.repeat(60_000)}@example.com`],
    ['nothing', ''],
  ])('refuses or ignores %s', async (_, email) => {
    const answer = await stage.browser().post('/login', { email })
    expect([200, 422]).toContain(answer.status)
    expect(stage.mails()).toEqual([])
  })

  test('keeps what was typed beside what is wrong', async () => {
    const answer = await stage.browser().post('/login', { email: 'foun der' })
    expect(answer.status).toBe(422)
    const text = await answer.text()
    expect(text).toContain('value="foun der"')
    expect(text).toContain('Enter your email address')
  })

  test('seals the mail: the database holds neither the link nor the browser’s token', async () => {
    const browser = stage.browser()
    await browser.post('/login', { email: ADMIN_EMAIL })
    const stored = Buffer.from(stage.services.db.sqlite.serialize()).toString('latin1')
    expect(stored).not.toContain(stage.loginToken())
    expect(stored).not.toContain(browser.cookies.get('__Host-atlas_browser')!)
    expect(stored).not.toContain('/login/confirm')
  })
})

describe('a link', () => {
  let browser: Browser
  let token: string
  beforeEach(async () => {
    browser = stage.browser()
    await browser.post('/login', { email: ADMIN_EMAIL })
    token = stage.loginToken()
  })

  test('signs in once, in the browser that asked', async () => {
    const answer = await confirm(browser, token)
    expect(answer.status).toBe(303)
    expect(answer.headers.get('location')).toBe('/admin')
    expect(await isIn(browser)).toBe(true)
    await refusal(await confirm(browser, token))
    expect(await isIn(browser)).toBe(true)
  })

  test('sets a cookie that no other host can set and no script can read', async () => {
    const lines = (await confirm(browser, token)).headers.getSetCookie()
    expect(lines[0]).toMatch(
      /^__Host-atlas_session=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax; Max-Age=1209600; Secure$/,
    )
    expect(lines[1]).toBe('__Host-atlas_browser=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0; Secure')
    expect(lines).toHaveLength(2)
  })

  test('is not used up by what mail scanners do', async () => {
    for (let i = 0; i < 3; i++) {
      for (const method of ['GET', 'HEAD']) {
        const answer = await browser.ask(`/login/confirm?token=${token}`, { method })
        expect(answer.status).toBe(200)
        expect(answer.headers.getSetCookie()).toEqual([])
      }
    }
    expect((await stage.browser().get(`/login/confirm?token=${token}`)).status).toBe(200)
    expect((await confirm(browser, token)).status).toBe(303)
  })

  test('is refused in another browser, and then still works in the right one', async () => {
    const thief = stage.browser()
    await thief.post('/login', { email: 'thief@example.com' })
    const before = await refusal(await confirm(thief, token))
    expect(await refusal(await confirm(stage.browser(), token))).toBe(before)
    expect((await confirm(browser, token)).status).toBe(303)
  })

  test('is refused once its time is over, in the same words as a forged one', async () => {
    stage.clock.advance(LINK_LASTS_MS - 1)
    expect(stage.services.db.read.select().from(loginLinks).all()).toHaveLength(1)
    stage.clock.advance(1)
    expect(await refusal(await confirm(browser, token))).toBe(await refusal(await confirm(browser, 'forged')))
  })

  test('takes the others that were asked for with it', async () => {
    const second = stage.browser()
    await second.post('/login', { email: ADMIN_EMAIL })
    const other = stage.loginToken()
    await confirm(browser, token)
    await refusal(await confirm(second, other))
  })

  test('does not sign in a former operator after ADMIN_EMAIL has changed', async () => {
    stage.services.settings.adminEmail = 'successor@example.com'
    await refusal(await confirm(browser, token))
  })

  test('cannot be spent by another site for its victim', async () => {
    const attempts = [
      { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' },
      { 'sec-fetch-site': 'same-site', origin: 'https://tenant.example.com' },
      { 'sec-fetch-site': '', origin: 'null' },
    ]
    for (const headers of attempts) {
      expect((await browser.post('/login/confirm', { token }, headers)).status).toBe(403)
    }
    // Login CSRF: the attacker's own link, carried into the victim's browser, finds no token of that browser.
    await refusal(await confirm(stage.browser(), token))
  })

  test('never makes a session of a token that the browser brought along', async () => {
    const planted = 'p'.repeat(43)
    browser.cookies.set('__Host-atlas_session', planted)
    await confirm(browser, token)
    expect(browser.cookies.get('__Host-atlas_session')).not.toBe(planted)
    const attacker = stage.browser()
    attacker.cookies.set('__Host-atlas_session', planted)
    expect(await isIn(attacker)).toBe(false)
  })

  test('leaves a trail: who asked, who was refused, who came in', async () => {
    await confirm(stage.browser('198.51.100.9'), token)
    await confirm(browser, token)
    const events = stage.services.db.read.select().from(auditEvents).all()
    expect(events.map(({ action, ip }) => `${action} ${ip}`)).toEqual([
      'login.requested 203.0.113.7',
      'login.refused 198.51.100.9',
      'login.succeeded 203.0.113.7',
    ])
    expect(JSON.stringify(events)).not.toContain(token)
  })
})

describe('on plain http, which is for localhost', () => {
  test('the cookies have neither the prefix nor Secure, or browsers would drop them', async () => {
    const local = openStage({ baseUrl: 'http://localhost:4100' })
    const browser = await local.operator()
    expect([...browser.cookies.keys()]).toEqual(['atlas_session'])
    expect((await browser.get('/admin')).status).toBe(200)
    await local.close()
  })
})

test('B8: nothing that is stored opens a session, redeems a link or passes as an API token', async () => {
  const operator = await stage.operator()
  stage.apiToken()
  const asking = stage.browser()
  await asking.post('/login', { email: ADMIN_EMAIL })
  const asked = stage.loginToken()
  await stage.tenant()
  const { db } = stage.services
  const tables = db.sqlite.query("SELECT name FROM sqlite_schema WHERE type = 'table'").all() as {
    name: string
  }[]
  const stolen = new Set<string>()
  for (const { name } of tables) {
    for (const row of db.sqlite.query(`SELECT * FROM ${name}`).all() as Record<string, unknown>[]) {
      for (const value of Object.values(row)) {
        if (typeof value === 'string') stolen.add(value)
        if (value instanceof Uint8Array) stolen.add(Buffer.from(value).toString('base64url'))
      }
    }
  }
  expect(stolen.size).toBeGreaterThan(50)
  expect(db.read.select().from(outbox).all().length).toBeGreaterThan(0)
  for (const [at, value] of [...stolen].entries()) {
    if (/[^\x20-\x7e]/.test(value) || value === '') continue
    const thief = stage.browser(`198.51.${at >> 8}.${at & 255}`)
    for (const name of ['__Host-atlas_session', '__Host-atlas_browser']) thief.cookies.set(name, value)
    expect((await thief.get('/admin')).status).toBe(303)
    const authorization = `Bearer ${value}`
    expect((await thief.get('/api/admin/tenants', { authorization })).status).toBe(401)
    expect((await thief.get('/api/admin/tenants', { authorization: `Bearer atlas_${value}` })).status).toBe(
      401,
    )
    await refusal(await confirm(thief, value))
  }
  // The control: the tokens themselves, which are not stored, do open.
  expect(await isIn(operator)).toBe(true)
  expect((await confirm(asking, asked)).status).toBe(303)
})
