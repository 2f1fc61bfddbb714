import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { auditEvents, runs } from '../../src/db/schema'
import { openStage, type Stage } from '../stage'

let stage: Stage
let authorization: string
let tokenId: string
beforeEach(() => {
  stage = openStage()
  const made = stage.apiToken()
  authorization = `Bearer ${made.token}`
  tokenId = made.id
})
afterEach(() => stage.close())

type Reply = {
  status: number
  body: Record<string, unknown> & { error?: { code: string; message: string; fields?: object } }
}

async function call(method: string, path: string, json?: unknown): Promise<Reply> {
  const answer = await stage.browser().ask(path, { method, json, headers: { authorization } })
  return { status: answer.status, body: (await answer.json()) as Reply['body'] }
}

describe('provision', () => {
  test('approves a paid signup once, in the name of the token that asked', async () => {
    const signup_id = await stage.paidSignup()
    const first = await call('POST', '/api/admin/provision', { signup_id })
    expect(first.status).toBe(202)
    expect(first.body).toEqual({
      tenant_id: expect.stringMatching(/^ten_/),
      run_id: expect.stringMatching(/^run_/),
    })
    const second = await call('POST', '/api/admin/provision', { signup_id })
    expect(second.status).toBe(409)
    expect(second.body.error).toEqual({
      code: 'conflict',
      message: 'Only a paid signup that waits for approval can be approved.',
    })
    const approvals = stage.services.db.read
      .select()
      .from(auditEvents)
      .all()
      .filter(({ action }) => action === 'signup.approved')
    expect(approvals).toMatchObject([{ actor: tokenId, subject: signup_id, ip: '203.0.113.7' }])
  })

  test('asked for ten times at once runs once', async () => {
    const signup_id = await stage.paidSignup()
    const replies = await Promise.all(
      Array.from({ length: 10 }, () => call('POST', '/api/admin/provision', { signup_id })),
    )
    expect(replies.map(({ status }) => status).sort()).toEqual([202, ...Array(9).fill(409)])
    expect(stage.services.db.read.select().from(runs).all()).toHaveLength(1)
  })

  test('of one that is not paid is a conflict, of none a 404, of nothing a 422', async () => {
    const pending = stage.signup()
    expect((await call('POST', '/api/admin/provision', { signup_id: pending })).status).toBe(409)
    for (const signup_id of ['sig_x', pending.toUpperCase(), '%', "' OR 1=1 --", 'x'.repeat(60_000)]) {
      expect((await call('POST', '/api/admin/provision', { signup_id })).status).toBe(404)
    }
    for (const body of [
      {},
      { signup_id: '' },
      { signup_id: 7 },
      { signup_id: ['sig_x'] },
      { signup_id: null },
    ]) {
      const { status, body: answer } = await call('POST', '/api/admin/provision', body)
      expect(status).toBe(422)
      expect(Object.keys(answer.error?.fields ?? {})).toEqual(['signup_id'])
    }
  })
})

describe('suspend, unsuspend and delete', () => {
  test('of a tenant that is not there are 404', async () => {
    expect((await call('POST', '/api/admin/suspend', { tenant_id: 'ten_x' })).status).toBe(404)
    expect((await call('POST', '/api/admin/unsuspend', { tenant_id: 'ten_x' })).status).toBe(404)
    for (const id of ['ten_x', '%00', '..%2f..%2fetc', 'a%20b', "'"]) {
      expect((await call('DELETE', `/api/admin/tenant/${id}`)).status).toBe(404)
    }
  })
})

describe('the list of tenants', () => {
  test('is a page with its place in the whole', async () => {
    const { tenantId } = await stage.tenant()
    const { status, body } = await call('GET', '/api/admin/tenants')
    expect(status).toBe(200)
    expect(body).toMatchObject({
      tenants: [
        {
          id: tenantId,
          subdomain: 'ada-lovelace',
          url: 'https://ada-lovelace.sites.example.net',
          owner_email: 'ada@example.com',
        },
      ],
      page: 1,
      total: 1,
    })
  })

  test.each([
    'page=0',
    'page=-1',
    'page=1e9',
    'page=x',
    'page=1.5',
    'sort=password',
    'dir=sideways',
    'status=gone',
    'plan=none',
    'q=',
  ])('takes %s for nothing said', async (query) => {
    await stage.tenant()
    const { status, body } = await call('GET', `/api/admin/tenants?${query}`)
    expect([status, body.total, body.page]).toEqual([200, 1, 1])
  })

  test.each([
    ['%25', 0],
    ['_', 0],
    ["'", 0],
    ['ada%25', 0],
    ['ADA-LOVE', 1],
    ['example.com', 1],
    ['\\', 0],
    ['a'.repeat(200), 0],
  ])('finds for q=%s %d', async (q, found) => {
    await stage.tenant()
    expect((await call('GET', `/api/admin/tenants?q=${q}`)).body.total).toBe(found)
  })
})

test('a token’s use is noted, at most once a minute', async () => {
  const usedAt = () =>
    (stage.services.db.sqlite.query('SELECT last_used_at AS at FROM api_tokens').get() as { at: number }).at
  await call('GET', '/api/admin/tenants')
  const first = usedAt()
  expect(first).toBe(stage.clock.now())
  stage.clock.advance(60_000)
  await call('GET', '/api/admin/tenants')
  expect(usedAt()).toBe(first)
  stage.clock.advance(1)
  await call('GET', '/api/admin/tenants')
  expect(usedAt()).toBe(stage.clock.now())
})
