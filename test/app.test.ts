import { afterAll, afterEach, describe, expect, test } from 'bun:test'
import { AtlasError, conflict, forbidden, invalid, notFound, unauthorized, unavailable } from '../src/errors'
import { ROUTES } from '../src/routes'
import type { Route } from '../src/routes/route'
import { BASE_URL, openStage, type Stage, type StageOptions } from './stage'

const stages: Stage[] = []
const open = (options?: StageOptions) => {
  const stage = openStage(options)
  stages.push(stage)
  return stage
}
afterEach(async () => {
  for (const stage of stages.splice(0)) await stage.close()
})

const SECRET = 'sk_test_this_must_not_appear'

const throwing = (thrown: unknown, path = '/x'): Route => ({
  method: 'GET',
  path,
  policy: 'public',
  handle: () => {
    throw thrown
  },
})

describe('every answer', () => {
  const stage = openStage()
  afterAll(() => stage.close())
  const paths = [
    '/',
    '/login',
    '/admin',
    '/nowhere',
    '/api/admin/tenants',
    '/api/nowhere',
    '/assets/styles.css',
    '/signup',
  ]

  test.each(paths)('%s carries the security headers', async (path) => {
    const { headers } = await stage.browser().get(path)
    const policy = new Map(
      (headers.get('content-security-policy') ?? '').split('; ').map((part) => {
        const [name = '', ...values] = part.split(' ')
        return [name, values.join(' ')]
      }),
    )
    expect(policy.get('default-src')).toBe("'none'")
    expect(policy.get('script-src')).toBe("'self'")
    expect(policy.get('style-src')).toBe("'self'")
    expect(policy.get('frame-ancestors')).toBe("'none'")
    expect(policy.get('base-uri')).toBe("'none'")
    expect(policy.get('form-action')).toBe("'self' https://checkout.stripe.com")
    expect([...policy.values()].join()).not.toContain('unsafe')
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    expect(headers.get('referrer-policy')).toBe('same-origin')
    expect(headers.get('cross-origin-opener-policy')).toBe('same-origin')
    expect(headers.get('cross-origin-resource-policy')).toBe('same-origin')
    expect(headers.get('access-control-allow-origin')).toBeNull()
    expect(headers.get('server')).toBeNull()
    expect(headers.get('x-powered-by')).toBeNull()
  })

  test('is kept by no cache, except what is the same for everyone', async () => {
    for (const path of ['/', '/login', '/admin', '/nowhere', '/signup', '/api/openapi.json'])
      expect((await stage.browser().get(path)).headers.get('cache-control')).toBe('no-store')
    expect((await stage.browser().get('/assets/htmx.js')).headers.get('cache-control')).toContain('public')
  })

  test('of the API says that it is not for search engines', async () => {
    expect((await stage.browser().get('/api/nowhere')).headers.get('x-robots-tag')).toBe('noindex')
  })

  test('has a type, and assets an etag that spares the body', async () => {
    const first = await stage.browser().get('/assets/styles.css')
    expect(first.headers.get('content-type')).toBe('text/css; charset=utf-8')
    const etag = first.headers.get('etag')!
    const second = await stage.browser().get('/assets/styles.css', { 'if-none-match': etag })
    expect([second.status, await second.text()]).toEqual([304, ''])
  })
})

describe('an address asked with another method than its own', () => {
  const stage = openStage()
  afterAll(() => stage.close())

  test.each(['PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE'])(
    'such as %s says which it takes',
    async (method) => {
      for (const [path, methods] of [
        ['/login', 'GET, HEAD, POST'],
        ['/api/signup', 'POST'],
        ['/api/stripe/webhook', 'POST'],
      ] as const) {
        const answer = await stage.browser().ask(path, { method })
        expect([answer.status, answer.headers.get('allow')]).toEqual([405, methods])
        expect(answer.headers.get('access-control-allow-origin')).toBeNull()
        expect(await answer.text()).toContain('This address does not take that method.')
      }
    },
  )

  test('is a page for people and JSON for programs', async () => {
    const page = await (await stage.operator()).get('/admin/events/evt_x/retry')
    const type = page.headers.get('content-type')
    expect([page.status, type, page.headers.get('allow')]).toEqual([405, 'text/html; charset=utf-8', 'POST'])
    const api = await stage.browser().get('/api/signup')
    expect(await api.json()).toEqual({
      error: { code: 'invalid', message: 'This address does not take that method.' },
    })
  })

  test('says so only to those who may know of it', async () => {
    const operator = await stage.operator()
    const path = '/admin/tenants/ten_x/suspension'
    const known = await operator.ask(path, { method: 'PUT' })
    expect([known.status, known.headers.get('allow')]).toEqual([405, 'GET, HEAD, POST'])
    const stranger = await stage.browser().ask(path, { method: 'PUT' })
    expect([stranger.status, stranger.headers.get('location')]).toEqual([303, '/login'])
    const program = await stage.browser().ask('/api/admin/tenants', { method: 'PUT' })
    expect(program.status).toBe(401)
  })
})

describe('an address that is not there', () => {
  const stage = openStage()
  afterAll(() => stage.close())

  test('is a page for people and JSON for programs', async () => {
    const page = await stage.browser().get('/nowhere')
    expect([page.status, page.headers.get('content-type')]).toEqual([404, 'text/html; charset=utf-8'])
    const api = await stage.browser().get('/api/nowhere')
    expect(api.status).toBe(404)
    expect(await api.json()).toEqual({
      error: { code: 'not_found', message: 'There is nothing at this address.' },
    })
  })

  test.each([
    '//login',
    '/login/',
    '/./login',
    '/LOGIN',
    '/%2e%2e/login',
    '/login%00',
    '/login;x',
    '/admin/runs/%E0%A4%A',
  ])('can be spelled %s without breaking anything', async (path) => {
    const answer = await stage.browser().get(path)
    expect([200, 303, 404]).toContain(answer.status)
    expect(stage.lines).toEqual([])
  })

  test('never says what was asked for', async () => {
    for (const path of [
      '/<b>marked</b>',
      '/api/marked',
      '/admin/tenants/marked',
      '/signup/success?signup=marked',
    ]) {
      const operator = await stage.operator()
      expect(await (await operator.get(path)).text()).not.toContain('marked')
    }
  })
})

describe('HEAD', () => {
  test('answers like GET without a body, and counts for whoever asked', async () => {
    const stage = open()
    for (const { path } of ROUTES.filter(({ method, path }) => method === 'GET' && !path.includes(':'))) {
      const get = await stage.browser().get(path)
      const head = await stage.browser().ask(path, { method: 'HEAD' })
      expect([head.status, await head.text()]).toEqual([get.status, ''])
      expect(head.headers.get('content-type')).toBe(get.headers.get('content-type'))
    }
  })
})

describe('another site', () => {
  const stage = openStage()
  afterAll(() => stage.close())
  const writes = ROUTES.filter(({ method, policy }) => method !== 'GET' && policy !== 'webhook')
  const elsewhere: [string, Record<string, string>][] = [
    ['an old browser elsewhere', { 'sec-fetch-site': '', origin: 'https://evil.example' }],
    ['a sandboxed frame', { 'sec-fetch-site': '', origin: 'null' }],
    ['a page elsewhere', { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }],
    ['a tenant’s site', { 'sec-fetch-site': 'same-site', origin: 'https://tenant.example.com' }],
    ['a page elsewhere that hides its origin', { 'sec-fetch-site': 'cross-site', origin: '' }],
    ['the same name over http', { 'sec-fetch-site': 'cross-site', origin: 'http://shop.example.com' }],
    ['the same name at another port', { 'sec-fetch-site': '', origin: 'https://shop.example.com:8443' }],
    ['a longer name', { 'sec-fetch-site': '', origin: 'https://shop.example.com.evil.example' }],
    ['a liar', { 'sec-fetch-site': 'same-origin', origin: 'https://evil.example' }],
  ]

  test.each(elsewhere)('(%s) changes nothing here', async (name, headers) => {
    const at = elsewhere.findIndex((other) => other[0] === name)
    const operator = await stage.operator(`203.0.113.${at + 20}`)
    for (const { method, path } of writes) {
      const answer = await operator.ask(path.replace(':id', 'x'), { method, form: {}, headers })
      expect(answer.status).toBe(403)
      expect(await answer.text()).toContain('This request came from another site')
    }
  })

  test('is no program: without these headers a token works', async () => {
    const headers = { 'sec-fetch-site': '', origin: '', authorization: `Bearer ${stage.apiToken().token}` }
    const answer = await stage.browser().ask('/api/admin/provision', { method: 'POST', json: {}, headers })
    expect(answer.status).toBe(422)
  })

  test('may read nothing either: no answer allows it', async () => {
    const operator = await stage.operator()
    const answer = await operator.get('/api/admin/tenants', {
      origin: 'https://evil.example',
      'sec-fetch-site': 'cross-site',
    })
    expect([...answer.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([])
  })
})

describe('a name that is not ours', () => {
  test.each([
    'evil.example',
    'a',
    'shop.example.com.evil.example',
    'shop.example.com:8443',
    'SHOP',
    '',
    '127.0.0.1',
  ])('as Host (%p) gets 421 and no cookie is looked at', async (host) => {
    const stage = open()
    const operator = await stage.operator()
    const answer = await operator.get('/admin', { host: host || ' ' })
    expect(answer.status).toBe(421)
    expect(await answer.text()).not.toContain('evil')
    expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'")
  })

  test('does not get into a mail: links carry BASE_URL whatever the Host', async () => {
    const stage = open()
    const port = stage.app.listen(0)
    const body = new URLSearchParams({ email: stage.services.settings.adminEmail })
    const answer = await fetch(`http://127.0.0.1:${port}/login`, {
      method: 'POST',
      body,
      headers: { 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'http' },
    })
    expect(answer.status).toBe(200)
    expect(stage.mails()[0]?.text).toContain(`${BASE_URL}/login/confirm`)
    expect(stage.mails()[0]?.text).not.toContain('evil')
  })
})

describe('what breaks inside', () => {
  test('is told in general words and logged with its cause, without secrets', async () => {
    const cause = new Error(`the key ${SECRET} was refused`)
    const stage = open({
      routes: [throwing(new TypeError('x of undefined', { cause })), throwing(new Error('y'), '/api/x')],
    })
    stage.services.log.hide(SECRET)
    const page = await stage.browser().get('/x?secret=typed-in')
    expect(page.status).toBe(500)
    const text = await page.text()
    expect(text).toContain('Something went wrong inside Atlas.')
    for (const internal of ['undefined', SECRET, 'TypeError', 'app.ts', 'typed-in'])
      expect(text).not.toContain(internal)
    expect(await (await stage.browser().get('/api/x')).json()).toEqual({
      error: { code: 'internal', message: 'Something went wrong inside Atlas. The log has the details.' },
    })
    const line = JSON.parse(stage.lines[0]!)
    expect(line).toMatchObject({
      level: 'error',
      error: 'x of undefined',
      cause: { error: 'the key [hidden] was refused' },
    })
    expect(stage.lines.join()).not.toContain(SECRET)
  })

  test('keeps Atlas’s own words about it for the log', async () => {
    const inside = new AtlasError('internal', 'A sealed value at tenants/ten_1/data_key does not open.')
    const stage = open({ routes: [throwing(inside)] })
    const answer = await stage.browser().get('/x')
    expect(answer.status).toBe(500)
    expect(await answer.text()).not.toContain('sealed')
    expect(stage.lines.join()).toContain('ten_1')
  })

  test.each([undefined, null, 'words', 42, { code: 'not_found' }])(
    'may be anything thrown, such as %p',
    async (thrown) => {
      const stage = open({ routes: [throwing(thrown)] })
      expect((await stage.browser().get('/x')).status).toBe(500)
    },
  )
})

const ERRORS: [number, AtlasError, Record<string, unknown>][] = [
  [
    422,
    invalid('Wrong.', { name: 'Is missing.' }),
    { code: 'invalid', message: 'Wrong.', fields: { name: 'Is missing.' } },
  ],
  [404, notFound('Not there.'), { code: 'not_found', message: 'Not there.' }],
  [409, conflict('Not now.'), { code: 'conflict', message: 'Not now.' }],
  [401, unauthorized('Who?'), { code: 'unauthorized', message: 'Who?' }],
  [403, forbidden('No.'), { code: 'forbidden', message: 'No.' }],
  [503, unavailable('Gone.', { retryAfterMs: 1_500 }), { code: 'unavailable', message: 'Gone.' }],
]

test.each(ERRORS.map(([status, error, shape]) => [shape.code, status, error, shape] as const))(
  'the code %s is the status %d, with its words and nothing else',
  async (_, status, error, shape) => {
    const stage = open({ routes: [throwing(error, '/api/x')] })
    const answer = await stage.browser().get('/api/x')
    expect(answer.status).toBe(status)
    expect(await answer.json()).toEqual({ error: shape })
    expect(answer.headers.get('retry-after')).toBe(status === 503 ? '2' : null)
    expect(stage.lines).toEqual([])
  },
)
