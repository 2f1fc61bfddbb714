import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { signups } from '../../src/db/schema'
import { signupToken } from '../../src/signups/link'
import type { Browser } from '../browser-habits'
import { AUTH_SECRET, openStage, type Stage } from '../stage'
import { elementsOf } from '../views/dom'

let stage: Stage
let browser: Browser
beforeEach(() => {
  stage = openStage()
  browser = stage.browser()
})
afterEach(() => stage.close())

const GOOD = { subdomain: 'ada-lovelace', email: 'ada@example.com', plan: 'starter' }
const held = () => stage.services.db.read.select().from(signups).all()
const api = (json: unknown) => browser.ask('/api/signup', { method: 'POST', json })
type Refused = { error: { code: string; message: string; fields?: Record<string, string> } }

describe('a good signup', () => {
  test('goes to its checkout, from the form and from the API alike', async () => {
    const form = await browser.post('/signup', GOOD)
    expect([form.status, form.headers.get('location')]).toEqual([
      303,
      'https://checkout.stripe.com/c/pay/cs_test_1',
    ])
    const answer = await api({ ...GOOD, subdomain: 'grace-hopper', plan: 'pro' })
    expect(answer.status).toBe(201)
    const reply = (await answer.json()) as Record<string, string>
    expect(reply.checkout_url).toBe('https://checkout.stripe.com/c/pay/cs_test_2')
    expect(reply.status_url).toStartWith('https://shop.example.com/signup/success?signup=sig_')
    expect(held().map(({ subdomain, planId }) => [subdomain, planId])).toEqual([
      ['ada-lovelace', 'virtues/starter'],
      ['grace-hopper', 'virtues/pro'],
    ])
  })

  test('asked for twice by the same person goes on where it was', async () => {
    const answers = [await browser.post('/signup', GOOD), await browser.post('/signup', GOOD)]
    expect(answers.map(({ headers }) => headers.get('location'))).toEqual([
      'https://checkout.stripe.com/c/pay/cs_test_1',
      'https://checkout.stripe.com/c/pay/cs_test_1',
    ])
    expect(held()).toHaveLength(1)
  })

  test('is written as it is meant: spaces and capitals go', async () => {
    await browser.post('/signup', {
      subdomain: ' Ada-Lovelace\r\n',
      email: ' Ada@Example.COM ',
      plan: 'starter',
    })
    expect(held()).toMatchObject([{ subdomain: 'ada-lovelace', email: 'ada@example.com' }])
  })

  test('two at once for one name: one gets it, the other is told', async () => {
    const answers = await Promise.all([
      stage.browser('198.51.100.1').post('/signup', GOOD),
      stage.browser('198.51.100.2').post('/signup', { ...GOOD, email: 'eve@example.com' }),
    ])
    expect(answers.map(({ status }) => status).sort()).toEqual([303, 422])
    const loser = answers.find(({ status }) => status === 422)
    expect(await loser!.text()).toContain('This name is taken.')
    expect(held()).toHaveLength(1)
  })

  test('takes nothing from the body but its three fields', async () => {
    const extra = {
      id: 'sig_mine',
      status: 'active',
      role: 'owner',
      organization_id: 'org_1',
      organizationId: 'org_1',
      plan_id: 'virtues/pro',
      planId: 'virtues/pro',
      paid_at: 1,
      is_operator: true,
      amount: 0,
    }
    const text = JSON.stringify({ ...GOOD, ...extra }).replace(
      '{',
      '{"__proto__":{"email":"eve@example.com"},"constructor":{"prototype":{"plan":"pro"}},',
    )
    const headers = { 'content-type': 'application/json' }
    expect((await browser.ask('/api/signup', { method: 'POST', body: text, headers })).status).toBe(201)
    const form = new URLSearchParams({ ...GOOD, subdomain: 'grace-hopper' })
    for (const [name, value] of [...Object.entries(extra), ['__proto__', 'x'], ['constructor', 'x']]) {
      form.set(String(name), String(value))
    }
    await browser.ask('/signup', { method: 'POST', form })
    for (const row of held()) {
      expect(row).toMatchObject({
        status: 'pending',
        planId: 'virtues/starter',
        organizationId: null,
        paidAt: null,
        email: GOOD.email,
      })
      expect(row.id).not.toBe('sig_mine')
    }
    expect(held()).toHaveLength(2)
    expect(({} as Record<string, unknown>).email).toBeUndefined()
  })
})

describe('a wrong signup', () => {
  const WRONG = { subdomain: 'Ada Lovelace!', email: 'ada at example', plan: 'gold' }

  test('gets the form back with what was typed and what is wrong beside each field', async () => {
    const answer = await browser.post('/signup', WRONG)
    expect(answer.status).toBe(422)
    const elements = elementsOf(await answer.text())
    const input = (name: string) =>
      elements.find(({ tag, attributes }) => tag === 'input' && attributes.get('name') === name)
    const error = (name: string) =>
      elements.find(({ attributes }) => attributes.get('id') === `${name}-error`)?.text
    expect(input('subdomain')?.attributes.get('value')).toBe(WRONG.subdomain)
    expect(input('email')?.attributes.get('value')).toBe(WRONG.email)
    expect(error('subdomain')).toContain('Use only the letters')
    expect(error('email')).toContain('Enter an email address')
    expect(error('plan')).toContain('Choose one of the plans')
    for (const name of ['subdomain', 'email']) {
      expect(input(name)?.attributes.get('aria-invalid')).toBe('true')
      expect(input(name)?.attributes.get('aria-describedby')).toContain(`${name}-error`)
    }
    expect(held()).toEqual([])
  })

  test('gets the same words on the API, by field, and never its own input', async () => {
    const answer = await api(WRONG)
    expect(answer.status).toBe(422)
    const { error } = (await answer.json()) as Refused
    expect(error.code).toBe('invalid')
    expect(Object.keys(error.fields ?? {}).sort()).toEqual(['email', 'plan', 'subdomain'])
    expect(JSON.stringify(error)).not.toContain('Lovelace')
  })

  test.each([
    ['an empty object', {}],
    ['numbers', { subdomain: 1, email: 2, plan: 3 }],
    ['lists', { subdomain: ['a'], email: ['ada@example.com'], plan: [] }],
    ['objects', { subdomain: {}, email: { $ne: '' }, plan: {} }],
    ['null', { subdomain: null, email: null, plan: null }],
    ['truth', { ...GOOD, plan: true }],
  ])('made of %s is 422 with fields', async (_, json) => {
    const answer = await api(json)
    expect(answer.status).toBe(422)
    expect(Object.keys(((await answer.json()) as Refused).error.fields ?? {}).length).toBeGreaterThan(0)
  })

  test.each([
    'ada@example',
    'ada@@example.com',
    'ada@exa mple.com',
    '@example.com',
    'ada@',
    'ada@example.com,eve@example.com',
    'ada@example.com\r\nBcc: eve@example.com',
    'ada@example.com\0',
    'ada@example.com\u202emoc',
    '<ada@example.com>',
    '"ada"@example.com',
    'ada@[127.0.0.1]',
    'ada@127.0.0.1',
    'ada@-example.com',
    'ada@exämple.com',
    'a\u200bda@example.com',
    'ada@example.com;',
    `${'a'.repeat(250)}@example.com`,
    'ada@exampleſ.com',
    'ada@example.c',
  ])('has the address %j', async (email) => {
    const { error } = (await (await api({ ...GOOD, email })).json()) as Refused
    expect(Object.keys(error.fields ?? {})).toEqual(['email'])
    expect(held()).toEqual([])
  })

  test.each(['constructor', '__proto__', 'virtues/gold', '/', '', 'STARTER', "starter' OR '1'='1"])(
    'has the plan %j',
    async (plan) => {
      const { error } = (await (await api({ ...GOOD, plan })).json()) as Refused
      expect(Object.keys(error.fields ?? {})).toEqual(['plan'])
    },
  )

  test('with a field twice counts the last, as the form shows it', async () => {
    const form = new URLSearchParams({ ...GOOD, subdomain: 'first-name' })
    form.append('subdomain', 'last-name')
    await browser.ask('/signup', { method: 'POST', form })
    expect(held().map(({ subdomain }) => subdomain)).toEqual(['last-name'])
    const headers = { 'content-type': 'application/json' }
    const body = JSON.stringify(GOOD).replace('{', '{"subdomain":"other-name",')
    await browser.ask('/api/signup', { method: 'POST', body, headers })
    expect(held().at(-1)?.subdomain).toBe('ada-lovelace')
  })

  test('with hundreds of fields is refused', async () => {
    const form = Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`f${i}`, 'x']))
    expect((await browser.ask('/signup', { method: 'POST', form })).status).toBe(422)
  })
})

describe('a body', () => {
  const post = (path: string, body: string, type: string) =>
    browser.ask(path, { method: 'POST', body, headers: type ? { 'content-type': type } : {} })

  test.each([
    ['/api/signup', '{', 'application/json', 400],
    ['/api/signup', '', 'application/json', 400],
    ['/api/signup', '[]', 'application/json', 400],
    ['/api/signup', '[{"subdomain":"x"}]', 'application/json', 400],
    ['/api/signup', 'null', 'application/json', 400],
    ['/api/signup', '"text"', 'application/json', 400],
    ['/api/signup', '42', 'application/json', 400],
    ['/api/signup', '{"a":NaN}', 'application/json', 400],
    ['/api/signup', '{}', 'application/json; charset=utf-8', 422],
    ['/api/signup', '{}', 'APPLICATION/JSON', 422],
    ['/api/signup', '{}', 'text/plain', 415],
    ['/api/signup', '{}', '', 415],
    ['/api/signup', 'subdomain=x', 'application/x-www-form-urlencoded', 415],
    ['/api/signup', '{}', 'application/json-patch+json', 415],
    ['/signup', 'subdomain=x', 'multipart/form-data; boundary=x', 415],
    ['/signup', '{}', 'application/json', 415],
    ['/signup', '', '', 415],
    ['/login', '{}', 'text/plain', 415],
    ['/api/signup', 'too long', 'application/json', 413],
    ['/signup', 'too long', 'application/x-www-form-urlencoded', 413],
    ['/login', 'too long', 'application/x-www-form-urlencoded', 413],
  ])('to %s that is %s as %s is %d', async (path, words, type, status) => {
    const body = words === 'too long' ? 'x'.repeat(70_000) : words
    const answer = await post(path, body, type)
    expect(answer.status).toBe(status)
    if (path.startsWith('/api/')) expect(((await answer.json()) as Refused).error.message).not.toBe('')
    else expect(answer.headers.get('content-type')).toStartWith('text/html')
    expect(stage.lines).toEqual([])
  })

  test('of nested brackets does not bring the reader down', async () => {
    const answer = await post('/api/signup', '['.repeat(60_000), 'application/json')
    expect(answer.status).toBe(400)
    const closed = `{"subdomain":${'['.repeat(30_000)}${']'.repeat(30_000)}}`
    expect([400, 422]).toContain((await post('/api/signup', closed, 'application/json')).status)
  })

  test('that is no UTF-8 is read as what it is not, and refused like any wrong word', async () => {
    const answer = await post(
      '/signup',
      'subdomain=%ff%fe&email=%c0%80&plan=%ed%a0%80',
      'application/x-www-form-urlencoded',
    )
    expect(answer.status).toBe(422)
  })
})

describe('the check while typing', () => {
  const hint = async (name: string) =>
    (await (await browser.get(`/signup/subdomain?subdomain=${encodeURIComponent(name)}`)).text()).replace(
      /<[^>]+>/g,
      '',
    )

  test('says the same as the form', async () => {
    await stage.paidSignup('taken-name')
    expect(await hint('free-name')).toBe('free-name.sites.example.net is free')
    expect(await hint('taken-name')).toContain('This name is taken.')
    expect(await hint('admin')).toContain('This name is reserved.')
    expect(await hint('adm1n')).toContain('looks like a reserved one')
    expect(await hint('a b')).toContain('Use only the letters')
    expect(await hint('')).toContain('Letters, digits and hyphens')
    expect(await hint('xn--80ak6aa92e')).toContain('Use no two hyphens in a row.')
  })

  test('without the field is no error', async () => {
    expect((await browser.get('/signup/subdomain')).status).toBe(200)
  })
})

describe('when Stripe cannot be reached', () => {
  test('the name is kept and the page says so, with a way to try again', async () => {
    stage.payments.isDown = true
    const answer = await browser.post('/signup', GOOD)
    expect(answer.status).toBe(503)
    const text = await answer.text()
    expect(text).toContain('Stripe cannot be reached.')
    const again = /action="([^"]+)"/.exec(text)?.[1] ?? ''
    expect(held()).toMatchObject([{ subdomain: 'ada-lovelace', status: 'pending' }])
    stage.payments.isDown = false
    const second = await browser.post(again.replaceAll('&amp;', '&'))
    expect(second.headers.get('location')).toStartWith('https://checkout.stripe.com/')
  })

  test('the API says 503', async () => {
    stage.payments.isDown = true
    expect((await api(GOOD)).status).toBe(503)
  })

  test('the page after the payment still shows where the signup stands', async () => {
    await browser.post('/signup', GOOD)
    stage.payments.isDown = true
    const token = signupToken(AUTH_SECRET, held()[0]!.id)
    const answer = await browser.get(`/signup/success?signup=${token}`)
    expect(answer.status).toBe(200)
    expect(await answer.text()).toContain('Waiting for the word of the bank')
  })
})

describe('the link to a signup', () => {
  const paths = ['/signup/checkout', '/signup/success', '/signup/success/events']

  test('that Atlas did not sign shows nothing', async () => {
    const id = await stage.paidSignup()
    const good = signupToken(AUTH_SECRET, id)
    const forged = [
      '',
      id,
      `${id}.`,
      `${id}.${'A'.repeat(43)}`,
      `${good}x`,
      good.slice(0, -1),
      signupToken('another-secret', id),
      `x${good}`,
      `.${good.split('.')[1]}`,
    ]
    for (const path of paths) {
      for (const token of forged) {
        const answer = await browser.get(`${path}?signup=${encodeURIComponent(token)}`)
        expect(answer.status).toBe(404)
      }
      expect((await browser.get(path)).status).toBe(404)
    }
  })

  test('signed for another purpose, or naming a signup that is gone, shows nothing', async () => {
    const gone = signupToken(AUTH_SECRET, 'sig_gone')
    for (const path of paths) expect((await browser.get(`${path}?signup=${gone}`)).status).toBe(404)
  })

  test('to one that is paid leads from the checkout on to its progress', async () => {
    const token = signupToken(AUTH_SECRET, await stage.paidSignup())
    for (const method of ['GET', 'POST']) {
      const answer = await browser.ask(`/signup/checkout?signup=${token}`, { method })
      expect(answer.status).toBe(303)
      expect(answer.headers.get('location')).toStartWith('/signup/success?signup=')
    }
  })
})
