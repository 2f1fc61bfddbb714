import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { eq } from 'drizzle-orm'
import { revokeApiToken } from '../../src/accounts/api-token'
import { ensureUser } from '../../src/accounts/organization'
import { openSession } from '../../src/accounts/session'
import { App } from '../../src/app'
import { users } from '../../src/db/schema'
import { ROUTES } from '../../src/routes'
import type { Policy, Route } from '../../src/routes/route'
import { openStage, type Stage } from '../stage'

type Who = 'anonymous' | 'customer' | 'operator' | 'token' | 'revoked token' | 'made-up token'
type Outcome = 'in' | 'to the sign-in' | 'not found' | 'unauthorized'

const OUTCOMES: Record<Policy, Record<Who, Outcome>> = {
  public: everyone('in'),
  webhook: everyone('in'),
  operator: { ...everyone('to the sign-in'), customer: 'not found', operator: 'in' },
  operator_api: { ...everyone('unauthorized'), operator: 'in', token: 'in' },
}

const WHO = Object.keys(OUTCOMES.public) as Who[]
const MATRIX = ROUTES.flatMap((route) => WHO.map((who) => [who, route.method, route.path, route] as const))

let stage: Stage
let headers: Record<Who, Record<string, string>>

// Every handler says only that it was reached, so the matrix is about the door and not about what is behind it.
const doors = ROUTES.map((route): Route => ({ ...route, handle: () => new Response('reached') }))

beforeAll(async () => {
  stage = openStage({ routes: doors })
  headers = await everyonesHeaders()
})
afterAll(() => stage.close())

test.each(MATRIX)('%s · %s %s', async (who, method, path, route) => {
  const answer = await stage.browser().ask(path.replaceAll(':id', 'ten_1'), {
    method,
    headers: headers[who],
    ...(method === 'GET' ? {} : { form: {} }),
  })
  expect(await outcomeOf(answer)).toBe(OUTCOMES[route.policy][who])
})

describe('what is refused', () => {
  test('is JSON on the API, with the code and nothing else', async () => {
    const answer = await stage.browser().get('/api/admin/tenants')
    expect(answer.headers.get('content-type')).toStartWith('application/json')
    const { error } = (await answer.json()) as { error: Record<string, string> }
    expect(Object.keys(error)).toEqual(['code', 'message'])
    expect(error.code).toBe('unauthorized')
  })

  test('sends a fragment’s page to the sign-in instead of drawing it into the fragment', async () => {
    const answer = await stage.browser().get('/admin', { 'hx-request': 'true' })
    expect(answer.status).toBe(401)
    expect(answer.headers.get('hx-redirect')).toBe('/login')
  })

  test('is the same 404 for a route of the operator and for no route', async () => {
    const there = await stage.browser().get('/admin', headers.customer)
    const nowhere = await stage.browser().get('/nowhere', headers.customer)
    expect(there.status).toBe(404)
    expect(await there.text()).toBe(await nowhere.text())
  })

  test('is the scheme: a token that is not sent as Bearer does not count', async () => {
    const { token } = stage.apiToken()
    for (const authorization of [token, `Basic ${token}`, `Bearer ${token}x`, 'Bearer', 'Bearer ']) {
      expect((await stage.browser().get('/api/admin/tenants', { authorization })).status).toBe(401)
    }
    const answer = await stage.browser().get('/api/admin/tenants', { authorization: `bearer ${token}` })
    expect(answer.status).toBe(200)
  })

  test('is a token in a cookie, a query or a form: only the header counts', async () => {
    const { token } = stage.apiToken()
    const browser = stage.browser()
    browser.cookies.set('__Host-atlas_session', token)
    expect((await browser.get(`/api/admin/tenants?token=${token}&access_token=${token}`)).status).toBe(401)
  })
})

describe('a route', () => {
  const route: Route = { method: 'GET', path: '/x', policy: 'public', handle: () => new Response('') }

  test('without a policy does not mount', () => {
    for (const policy of [undefined, '', 'everyone', 'constructor']) {
      const broken = { ...route, policy } as unknown as Route
      expect(() => new App(stage.services, {}, [broken])).toThrow('GET /x has no policy')
    }
    expect(() => new App(stage.services, {}, [route])).not.toThrow()
  })

  test('that changes something is never a GET', () => {
    const writing = ROUTES.filter(({ path }) =>
      /(approval|retry|undo|cancellation|cancel|resumption|withdrawal|undeletion|logout|again|provision|suspend)$/.test(
        path,
      ),
    )
    expect(writing.length).toBeGreaterThan(5)
    // The undo's GET asks; its POST acts.
    expect(writing.filter(({ method, path }) => method === 'GET' && !path.endsWith('/undo'))).toEqual([])
  })

  test('is there once for each method and path', () => {
    const names = ROUTES.map(({ method, path }) => `${method} ${path}`)
    expect(names).toEqual([...new Set(names)])
  })
})

async function everyonesHeaders(): Promise<Record<Who, Record<string, string>>> {
  const { db, clock } = stage.services
  const visitor = { ip: null, userAgent: null }
  const sessionOf = (email: string, isOperator: boolean) =>
    db.write((tx) => {
      const userId = ensureUser(tx, email, clock.now())
      if (isOperator) tx.update(users).set({ isOperator: true }).where(eq(users.id, userId)).run()
      return openSession(tx, userId, visitor, clock.now())
    })
  const cookie = (token: string) => ({ cookie: `__Host-atlas_session=${token}` })
  const revoked = stage.apiToken('revoked')
  db.write((tx) => revokeApiToken(tx, revoked.id, { id: 'test' }, clock.now()))
  return {
    anonymous: {},
    customer: cookie(sessionOf('customer@example.com', false)),
    operator: cookie(sessionOf(stage.services.settings.adminEmail, true)),
    token: { authorization: `Bearer ${stage.apiToken('live').token}` },
    'revoked token': { authorization: `Bearer ${revoked.token}` },
    'made-up token': { authorization: `Bearer atlas_${'x'.repeat(43)}` },
  }
}

async function outcomeOf(answer: Response): Promise<Outcome | string> {
  const text = await answer.text()
  if (answer.status === 200 && text === 'reached') return 'in'
  if (answer.status === 303 && answer.headers.get('location') === '/login') return 'to the sign-in'
  if (answer.status === 404 && text.includes('There is nothing at this address.')) return 'not found'
  if (answer.status === 401 && text.includes('"unauthorized"')) return 'unauthorized'
  return `${answer.status} ${text.slice(0, 200)}`
}

function everyone(outcome: Outcome): Record<Who, Outcome> {
  return {
    anonymous: outcome,
    customer: outcome,
    operator: outcome,
    token: outcome,
    'revoked token': outcome,
    'made-up token': outcome,
  }
}
