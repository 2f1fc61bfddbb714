import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { ROUTES } from '../../src/routes'
import { latestRun } from '../../src/runs/run'
import { type ApiExchange, checkDocument, checkExchange, type OpenApiDocument } from '../contract/openapi'
import { openStage, type Stage, signatureOf } from '../stage'
import { endRun, liveTenant, openLivingStage } from './living'

let stage: Stage
let document: OpenApiDocument
beforeAll(async () => {
  stage = openLivingStage()
  document = (await (await stage.browser().get('/api/openapi.json')).json()) as OpenApiDocument
})
afterAll(() => stage.close())

const operationsOf = (paths: OpenApiDocument['paths']) =>
  Object.entries(paths).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => `${method} ${path}`),
  )

describe('the document at /api/openapi.json', () => {
  test('is valid OpenAPI 3.1', () => {
    expect(checkDocument(document)).toEqual([])
  })

  test('has every route of the API and no other', () => {
    const routes = ROUTES.filter(({ path }) => path.startsWith('/api/') && path !== '/api/openapi.json')
    const names = routes.map(
      ({ method, path }) => `${method.toLowerCase()} ${path.replace(/:(\w+)/g, '{$1}')}`,
    )
    expect(operationsOf(document.paths).sort()).toEqual(names.sort())
  })

  test('says who may call what: only public routes need nothing', () => {
    for (const { method, path, policy } of ROUTES) {
      const operation = document.paths[path.replace(/:(\w+)/g, '{$1}')]?.[method.toLowerCase()] as
        | { security?: unknown[] }
        | undefined
      if (operation)
        expect([path, operation.security?.length === 0]).toEqual([path, policy !== 'operator_api'])
    }
  })

  test('names the session’s cookie as this installation sets it', async () => {
    const local = openStage({ baseUrl: 'http://localhost:4100' })
    const text = await (await local.browser().get('/api/openapi.json')).text()
    expect(text).toContain('"name":"atlas_session"')
    expect(JSON.stringify(document)).toContain('"name":"__Host-atlas_session"')
    await local.close()
  })
})

describe('a real answer is what the document says', () => {
  let authorization: string
  let exchanges: ApiExchange[]
  const GOOD = { subdomain: 'ada-lovelace', email: 'ada@example.com', plan: 'starter' }

  beforeAll(async () => {
    authorization = `Bearer ${stage.apiToken().token}`
    exchanges = []
    const paid = await stage.paidSignup('ada-paid')
    const { tenantId } = await stage.tenant('ada-tenant')
    await call('POST', '/api/signup', GOOD)
    await call('POST', '/api/signup', { ...GOOD, subdomain: 'admin' })
    await call('POST', '/api/signup', '{', { body: '{' })
    await call('POST', '/api/signup', GOOD, { 'content-type': 'text/plain' })
    await call('POST', '/api/signup', GOOD, {
      origin: 'https://evil.example',
      'sec-fetch-site': 'cross-site',
    })
    await call('POST', '/api/signup', { subdomain: 'x'.repeat(70_000) })
    for (const path of ['/api/admin/provision', '/api/admin/suspend', '/api/admin/unsuspend']) {
      const name = path.endsWith('provision') ? 'signup_id' : 'tenant_id'
      await call('POST', path, {})
      await call('POST', path, { [name]: 'none' })
      await call('POST', path, { [name]: path.endsWith('provision') ? paid : tenantId })
      await call('POST', path, { [name]: path.endsWith('provision') ? paid : tenantId })
      await call('POST', path, [])
      await call('POST', path, {}, { 'content-type': 'text/plain' })
      await call('POST', path, { x: 'x'.repeat(70_000) })
      await call('POST', path, {}, { authorization: 'Bearer none' })
      await call('POST', path, {}, { 'sec-fetch-site': 'cross-site', origin: '' })
    }
    await call('GET', '/api/admin/tenants?status=provisioning&sort=plan&dir=asc&page=1&q=ada')
    await call('GET', '/api/admin/tenants', undefined, { authorization: '' })
    await lives(tenantId)
    await call('DELETE', '/api/admin/tenant/none')
    await call('DELETE', '/api/admin/tenant/none', undefined, { authorization: '' })
    await call('DELETE', '/api/admin/tenant/none', undefined, { 'sec-fetch-site': 'cross-site' })
    stage.payments.isDown = true
    await call('POST', '/api/signup', { ...GOOD, subdomain: 'ada-later' })
    stage.payments.isDown = false
    for (let i = 0; i < 30; i++) await call('POST', '/api/signup', {})
    await webhooks()
  })

  test('for every operation and for each of their statuses that can be brought about', () => {
    expect(exchanges.flatMap((exchange) => checkExchange(document, exchange))).toEqual([])
    const seen = new Set(
      exchanges.map(({ method, path, status }) => `${method} ${path.split('?')[0]} ${status}`),
    )
    expect(seen.size).toBeGreaterThan(35)
    expect([...new Set(exchanges.map(({ status }) => status))].sort()).toEqual([
      200, 201, 202, 400, 401, 403, 404, 409, 413, 415, 422, 429, 503,
    ])
  })

  test('and the check rejects exchanges that it does not describe', () => {
    const [first] = exchanges
    const broken: ApiExchange[] = [
      { ...first!, method: 'PATCH' },
      { ...first!, path: '/api/none' },
      { ...first!, status: 418 },
      { ...first!, answer: {} },
      { ...first!, answer: { ...(first!.answer as object), more: 1 } },
      { ...first!, answer: { ...(first!.answer as object), signup_id: 1 } },
      { ...first!, request: { subdomain: 'x' } },
    ]
    expect(checkExchange(document, first!)).toEqual([])
    for (const exchange of broken) expect(checkExchange(document, exchange)).not.toEqual([])
    expect(checkDocument({ ...document, openapi: '2.0' })).not.toEqual([])
    expect(checkDocument({ ...document, path: {} })).not.toEqual([])
  })

  async function call(method: string, path: string, json?: unknown, change: Record<string, string> = {}) {
    const { body, ...headers } = change
    const answer = await stage.browser().ask(path, {
      method,
      headers: { authorization, ...(body ? { 'content-type': 'application/json' } : {}), ...headers },
      ...(body ? { body } : { json }),
    })
    exchanges.push({ method, path, request: json, status: answer.status, answer: await answer.json() })
  }

  async function lives(provisioning: string) {
    const live = await liveTenant(stage, 'ada-live')
    for (const id of [provisioning, live]) await call('GET', `/api/admin/tenant/${id}`)
    await call('GET', '/api/admin/tenant/none')
    await call('DELETE', `/api/admin/tenant/${provisioning}`)
    await call('POST', '/api/admin/suspend', { tenant_id: live })
    const run = latestRun(stage.services.db.read, live)?.id
    await call('GET', `/api/admin/runs/${run}`)
    await call('GET', '/api/admin/runs/none')
    for (const verb of ['retry', 'undo', 'cancel', 'cancel'])
      await call('POST', `/api/admin/runs/${run}/${verb}`)
    endRun(stage, live)
    for (const plan of ['virtues/pro', 'virtues/starter']) {
      await call('POST', `/api/admin/tenant/${live}/plan`, { plan })
      endRun(stage, live)
    }
    await call('POST', `/api/admin/tenant/${live}/plan`, {})
    await call('POST', `/api/admin/tenant/${live}/undeletion`)
    await call('DELETE', `/api/admin/tenant/${live}?cool_off_days=x`)
    await call('DELETE', `/api/admin/tenant/${live}?cool_off_days=0&image=false&confirm_many=true`)
    await call('POST', `/api/admin/tenant/${live}/undeletion`)
    await call('GET', `/api/admin/tenant/${live}`)
  }

  async function webhooks() {
    const event = JSON.stringify({
      id: 'evt_1',
      type: 'x',
      created: 1,
      livemode: false,
      data: { object: { id: 'o' } },
    })
    const signature = signatureOf(event, Math.floor(stage.clock.now() / 1000))
    for (const [body, sent] of [
      [event, signature],
      [event, 't=1,v1=0'],
      ['x'.repeat(1_100_000), signature],
    ] as const) {
      const headers = { 'stripe-signature': sent, 'content-type': 'application/json' }
      const answer = await stage.browser().ask('/api/stripe/webhook', { method: 'POST', body, headers })
      exchanges.push({
        method: 'POST',
        path: '/api/stripe/webhook',
        request: {},
        status: answer.status,
        answer: await answer.json(),
      })
    }
  }
})
