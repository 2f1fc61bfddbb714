import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { audit } from '../../src/audit'
import type { Entry } from '../../src/timeline/entry'
import { checkExchange, type OpenApiDocument } from '../contract/openapi'
import { openStage, type Stage } from '../stage'
import { elementsOf } from '../views/dom'

type Told = { entries: Entry[]; next: string | null }

let stage: Stage
let tenantId: string
beforeEach(async () => {
  stage = openStage()
  tenantId = (await stage.tenant()).tenantId
  const { db } = stage.services
  db.write((tx) => {
    for (let i = 0; i < 700; i++) {
      const actor = { id: i % 2 ? 'atlas' : 'cli' }
      audit(tx, stage.clock.now() + i, { actor, action: `backup.n${i}`, subject: tenantId })
    }
  })
})
afterEach(() => stage.close())

describe('the page of a tenant’s story', () => {
  test('shows the newest, with a link to what is older and to the tenant', async () => {
    const operator = await stage.operator()
    const newest = await (await operator.get(`/admin/tenants/${tenantId}/timeline`)).text()
    expect(newest).toContain('Backup n699')
    expect(newest).not.toContain('Backup n600<')
    const older = elementsOf(newest).find(({ attributes }) => attributes.get('rel') === 'next')
    const href = (older?.attributes.get('href') ?? '').replaceAll('&amp;', '&')
    const answer = await (await operator.get(href)).text()
    expect(answer).toContain('Backup n649')
    expect(answer.includes('hx-sse:connect')).toBe(false)
  })

  test('is filtered by kind and words, and its event stream too', async () => {
    const operator = await stage.operator()
    const markup = await (await operator.get(`/admin/tenants/${tenantId}/timeline?kind=action&q=n12`)).text()
    expect(markup).toContain('Backup n12<')
    expect(markup).not.toContain('Backup n127')
    const live = elementsOf(markup).find(({ attributes }) => attributes.has('hx-sse:connect'))
    expect(live?.attributes.get('hx-sse:connect')).toContain('/timeline/events?kind=action&amp;q=n12')
  })

  test('of a tenant that is not there is not found, also as a stream and as a file', async () => {
    const operator = await stage.operator()
    for (const end of ['timeline', 'timeline/events', 'timeline.json'])
      expect((await operator.get(`/admin/tenants/ten_none/${end}`)).status).toBe(404)
  })
})

test('the export holds the whole story as one JSON document', async () => {
  const operator = await stage.operator()
  const answer = await operator.get(`/admin/tenants/${tenantId}/timeline.json`)
  expect(answer.headers.get('content-disposition')).toMatch(
    /^attachment; filename="timeline-ada-lovelace.json"$/,
  )
  const { entries } = (await answer.json()) as Told
  expect(entries.length).toBeGreaterThan(700)
  expect(new Set(entries.map(({ id }) => id)).size).toBe(entries.length)
  const filtered = await operator.get(`/admin/tenants/${tenantId}/timeline.json?q=nothing-like-it`)
  expect(await filtered.json()).toEqual({ fullSince: null, entries: [] })
})

describe('the API', () => {
  const ask = (query: string) => {
    const headers = { authorization: `Bearer ${stage.apiToken().token}` }
    return stage.browser().ask(`/api/admin/tenant/${tenantId}/timeline${query}`, { method: 'GET', headers })
  }

  test('tells the story in parts, as its description says', async () => {
    const document = (await (await stage.browser().get('/api/openapi.json')).json()) as OpenApiDocument
    const seen: string[] = []
    let query = '?limit=200'
    for (;;) {
      const answer = await ask(query)
      const body = (await answer.clone().json()) as Told
      const path = `/api/admin/tenant/${tenantId}/timeline`
      expect(checkExchange(document, { method: 'GET', path, status: 200, answer: body })).toEqual([])
      seen.push(...body.entries.map(({ id }) => id))
      if (body.next === null) break
      query = `?limit=200&before=${encodeURIComponent(body.next)}`
    }
    expect(new Set(seen).size).toBe(seen.length)
    expect(seen.length).toBeGreaterThan(700)
  })

  test('refuses what is no limit, no place and no kind', async () => {
    for (const query of ['?limit=0', '?limit=201', '?limit=x', '?before=x', '?kind=x'])
      expect((await ask(query)).status).toBe(422)
  })
})
