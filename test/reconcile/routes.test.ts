import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { App } from '../../src/app'
import { reconcile } from '../../src/cli/reconcile'
import { auditEvents, servers } from '../../src/db/schema'
import { latestReconciliation } from '../../src/reconcile/reconcile'
import { ROUTES } from '../../src/routes'
import type { Browser } from '../browser-habits'
import { checkExchange, type OpenApiDocument } from '../contract/openapi'
import { Stage } from '../stage'
import { elementsOf, unescaped } from '../views/dom'
import { Shore } from './shore'

const HOUR_MS = 3_600_000

let shore: Shore
let stage: Stage
beforeEach(async () => {
  shore = await Shore.open()
  const { payments, clock, lines } = shore.estate.stage
  stage = new Stage(new App(shore.services), shore.services, payments, clock, lines)
})
afterEach(async () => {
  await stage.app.stop()
  await shore.close()
})

/** Sees twice, an hour apart, that a server was left behind. */
async function strayConfirmed(): Promise<string> {
  shore.stray()
  await shore.look()
  shore.pass(HOUR_MS)
  await shore.look()
  return shore.finding('server_unknown').id
}

/** Until the look that somebody began is over. */
async function over(): Promise<void> {
  while (latestReconciliation(shore.services.db.read)?.status === 'running') await Bun.sleep(2)
}

describe('the page', () => {
  let operator: Browser
  beforeEach(async () => {
    operator = await stage.operator()
  })
  const read = async (path = '/admin/drift') => (await operator.get(path)).text()
  const actions = async (path?: string) =>
    elementsOf(await read(path)).flatMap(({ tag, attributes }) =>
      tag === 'form' ? (attributes.get('action') ?? []) : [],
    )

  test('says that nobody has looked, then that everything agrees, with the time and the counts', async () => {
    expect(await read()).toContain('Nobody has looked yet')
    expect((await operator.post('/admin/drift/looks')).headers.get('location')).toBe('/admin/drift')
    await over()
    const page = await read()
    expect(page).toContain('Everything agrees')
    expect(page).toContain('1 server, 2 addresses, 0 images, 0 volumes, 0 backups, 1 record, 1 subscription')
  })

  test('says whom it could not ask, and since when', async () => {
    shore.estate.stage.payments.isDown = true
    await shore.look()
    const page = await read()
    expect(page).toContain('Not everything could be listed')
    expect(page).toMatch(
      /Stripe<\/strong> \(first failed\s*<time[^>]*>[^<]*<\/time>\s*\): Stripe cannot be reached/,
    )
    expect(page).toContain('What could be listed agrees')
    expect(page).not.toContain('Everything agrees')
    expect(page).toContain('Looked')
    shore.estate.stage.payments.isDown = false
    await shore.look()
    expect(await read()).not.toContain('Not everything could be listed')
  })

  test('says when a deletion may be applied, and has no button for it before', async () => {
    shore.stray()
    await shore.look()
    expect(await read()).toContain('Can be applied when a look sees it again after')
    const { id } = shore.finding('server_unknown')
    expect(await actions()).not.toContain(`/admin/drift/${id}/application`)
    expect((await operator.post(`/admin/drift/${id}/application`, { confirmation: 'stray-1' })).status).toBe(
      409,
    )
    expect(await read()).toContain('€')
    const nav = elementsOf(await read('/admin')).find(
      ({ tag, text }) => tag === 'a' && /^Drift\s*1 open/.test(text),
    )
    expect(nav?.attributes.get('href')).toBe('/admin/drift')
  })

  test('asks for the name of what is deleted', async () => {
    const id = await strayConfirmed()
    const path = `/admin/drift/${id}/application`
    expect(await read()).toContain(`href="${path}"`)
    expect(await read(path)).toContain('Type stray-1 to confirm')
    for (const confirmation of ['', 'stray', 'STRAY-1']) {
      const answer = await operator.post(path, { confirmation })
      expect([answer.status, (await answer.text()).includes('Type stray-1 to make sure')]).toEqual([
        422,
        true,
      ])
    }
    expect(shore.serverNames()).toContain('stray-1')
    expect((await operator.post(path, { confirmation: 'stray-1' })).status).toBe(303)
    expect((await operator.post(path, { confirmation: 'stray-1' })).status).toBe(409)
    const told = shore.services.db.read.select().from(auditEvents).all()
    expect(told.find(({ action }) => action === 'finding.applied')?.actor).toMatch(/^usr_/)
    expect(await read('/admin/drift?status=resolved')).toContain('Applied by a person')
  })

  test('applies together what it showed, after its phrase, and not what the look confirms anew', async () => {
    await strayConfirmed()
    shore.estate.clouds.hetzner.seedPrimaryIp({
      createdAt: shore.estate.clock.now() - HOUR_MS,
      labels: { atlas: shore.services.settings.installationId },
    })
    await shore.look()
    expect(await read('/admin/drift/application')).toContain('Type delete 1 to confirm')
    shore.pass(HOUR_MS)
    expect((await operator.post('/admin/drift/application', { confirmation: 'yes' })).status).toBe(422)
    await operator.post('/admin/drift/application', { confirmation: 'delete 1' })
    await over()
    expect(shore.findings().map(({ kind }) => kind)).toEqual(['address_unassigned'])
  })

  test('lets a finding be ignored and heeded again', async () => {
    shore.stray()
    await shore.look()
    const { id } = shore.finding('server_unknown')
    expect((await operator.post(`/admin/drift/${id}/exemption`)).status).toBe(303)
    expect((await operator.post(`/admin/drift/${id}/exemption`)).status).toBe(409)
    shore.pass(HOUR_MS)
    expect(await shore.look({ apply: () => true })).toEqual([])
    // What is done in a list leads back to it as it was.
    const list = '/admin/drift?q=stray&status=ignored&sort=cost&dir=desc'
    const heed = (await actions(list)).map(unescaped).find((action) => action.includes('withdrawal'))
    expect(heed).toStartWith(`/admin/drift/${id}/exemption-withdrawal?`)
    expect((await operator.post(heed ?? '')).headers.get('location')).toBe(`${list}&page=1`)
    expect(shore.finding('server_unknown').sightings).toBe(2)
  })

  test('leads to the page on which a person mends what Atlas does not mend by itself', async () => {
    const server = shore.services.db.read.select().from(servers).get()
    shore.estate.clouds.hetzner.lose(server?.externalId ?? '')
    shore.pass(HOUR_MS)
    await shore.look()
    const link = elementsOf(await read()).find(
      ({ tag, text }) => tag === 'a' && text.startsWith('Move to a new server…'),
    )
    expect(link?.attributes.get('href')).toBe(`/admin/tenants/${server?.tenantId}/move`)
    expect(ROUTES.map(({ path }) => path)).toEqual(
      expect.arrayContaining(['move', 'plan', 'deletion'].map((page) => `/admin/tenants/:id/${page}`)),
    )
  })

  test('is searched and sorted, by a program too', async () => {
    const left = shore.stray()
    shore.point('stray.localhost', ['203.0.113.9'])
    await shore.look()
    const urgent = ['server_unknown', 'record_foreign']
    const titles = async (query: string) =>
      elementsOf(await read(`/admin/drift?${query}`)).flatMap(({ tag, text }) =>
        tag === 'strong' ? [text] : [],
      )
    const both = await titles('')
    expect(both).toHaveLength(urgent.length)
    expect(await titles('sort=urgency&dir=desc')).toEqual(both.toReversed())
    // Only a server costs anything.
    expect(await titles('sort=cost&dir=asc')).toEqual(both.toReversed())
    for (const q of ['STRAY-1', left]) expect(await titles(`q=${q}`)).toEqual(both.slice(0, 1))
    expect(await read('/admin/drift?q=%25')).toContain('No finding matches')
    const authorization = `Bearer ${stage.apiToken().token}`
    const asked = await stage
      .browser()
      .get('/api/admin/drift?sort=urgency&dir=desc&q=stray', { authorization })
    const { findings } = (await asked.json()) as { findings: { kind: string }[] }
    expect(findings.map(({ kind }) => kind)).toEqual(urgent.toReversed())
  })

  test('filters by kind, and stays a page whatever it is asked', async () => {
    shore.stray()
    shore.point('stray.localhost', ['203.0.113.9'])
    await shore.look()
    expect(await read('/admin/drift?kind=server_unknown')).toContain('1 finding<')
    for (const query of ['kind=__proto__', 'status=x', 'page=-1', 'page=9', 'kind=server_gone']) {
      expect((await operator.get(`/admin/drift?${query}`)).status).toBe(200)
    }
    for (const id of ['fnd_x', '%00']) {
      expect((await operator.get(`/admin/drift/${id}/application`)).status).toBe(404)
      expect((await operator.post(`/admin/drift/${id}/exemption`)).status).toBe(404)
    }
    const byHand = shore.finding('record_foreign').id
    expect((await operator.get(`/admin/drift/${byHand}/application`)).status).toBe(409)
  })
})

describe('the API', () => {
  test('tells and does the same, as its document says', async () => {
    const id = await strayConfirmed()
    const { token } = stage.apiToken()
    const document = (await (await stage.browser().get('/api/openapi.json')).json()) as OpenApiDocument
    const problems: string[] = []
    const call = async (method: string, path: string, body?: unknown) => {
      const headers = { authorization: `Bearer ${token}` }
      const response = await stage.browser().ask(path, { method, headers, json: body })
      const answer = await response.json()
      problems.push(
        ...checkExchange(document, { method, path, request: body, status: response.status, answer }),
      )
      return [response.status, answer]
    }
    const finding = `/api/admin/drift/findings/${id}`
    expect(await call('GET', '/api/admin/drift')).toMatchObject([
      200,
      { total: 1, findings: [{ id, may_apply: true }] },
    ])
    expect(await call('POST', `${finding}/exemption`)).toMatchObject([200, { status: 'ignored' }])
    expect((await call('POST', `${finding}/exemption`))[0]).toBe(409)
    expect((await call('POST', `${finding}/application`))[0]).toBe(409)
    expect(await call('DELETE', `${finding}/exemption`)).toMatchObject([200, { status: 'open' }])
    expect(await call('POST', `${finding}/application`)).toMatchObject([200, { status: 'resolved' }])
    expect((await call('POST', '/api/admin/drift/findings/fnd_x/application'))[0]).toBe(404)
    const [, begun] = await call('POST', '/api/admin/drift/looks', {})
    expect((await call('POST', '/api/admin/drift/looks', {}))[0]).toBe(409)
    await over()
    const look = `/api/admin/drift/looks/${(begun as { look_id: string }).look_id}`
    expect(await call('GET', look)).toMatchObject([200, { status: 'complete', counts: { findings: 0 } }])
    expect((await call('GET', '/api/admin/drift/looks/rcn_x'))[0]).toBe(404)
    expect(await call('GET', '/api/admin/quotas')).toMatchObject([
      200,
      { queue: 0, quotas: [{ name: 'servers' }, {}, {}] },
    ])
    expect(problems).toEqual([])
  })
})

describe('atlas reconcile', () => {
  async function run(...args: string[]) {
    const said: string[] = []
    const io = { out: (line: string) => said.push(line), err: (line: string) => said.push(line) }
    const ATLAS_URL = `http://127.0.0.1:${stage.app.listen(0)}`
    const env = { ATLAS_URL, ATLAS_TOKEN: stage.apiToken().token }
    const code = await reconcile(args, io, env, new AbortController().signal)
    return { code, said: said.join('\n') }
  }

  test('ends with 0 where everything agrees, with 1 where findings remain', async () => {
    expect(await run()).toEqual({ code: 0, said: 'Everything agrees.' })
    shore.stray()
    const { code, said } = await run()
    expect(code).toBe(1)
    expect(said).toContain('Server stray-1 has this Atlas’s label')
    expect(said).toContain('Not before')
  })

  test('--apply lists what it would do, and does it for whoever says yes', async () => {
    shore.stray()
    expect((await run('--apply', '--yes')).code).toBe(1)
    expect(shore.serverNames()).toContain('stray-1')
    shore.pass(HOUR_MS)
    const { code, said } = await run('--apply', '--yes')
    expect(code).toBe(0)
    expect(said).toMatch(/^Atlas would do this now:\n {2}DELETES {2}Server stray-1 has this Atlas’s label/)
    expect(said).toEndWith('1 finding was put right.\nEverything agrees.')
    expect(shore.serverNames()).not.toContain('stray-1')
  })

  test('--apply does nothing in a pipe unless it is told yes', async () => {
    await strayConfirmed()
    const { code, said } = await run('--apply')
    expect(code).toBe(1)
    expect(said).toContain('DELETES  Server stray-1')
    expect(said).toEndWith('Nothing was done. Say --yes to have all of it done.')
    expect(shore.serverNames()).toContain('stray-1')
    expect((await run('--yes')).code).toBe(2)
  })

  test('--apply --json tells of each whether it was done', async () => {
    const id = await strayConfirmed()
    shore.estate.fault('hetzner', 'DELETE /servers/{id}', 'refuse', { code: 'locked' })
    const failed = await run('--apply', '--yes', '--json')
    const lines = failed.said.split('\n')
    expect(failed.code).toBe(1)
    expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({
      applied: [{ id, error: expect.any(String) }],
      total: 1,
    })
    const { code, said } = await run('--apply', '--yes', '--json')
    expect(code).toBe(0)
    expect(JSON.parse(said.split('\n').at(-1) ?? '')).toMatchObject({
      look: { status: 'complete' },
      applied: [{ id, error: null }],
      total: 0,
    })
  })

  test('ends with 1 when not everybody could be asked, and with 2 when it is called wrongly', async () => {
    shore.estate.stage.payments.isDown = true
    const { code, said } = await run()
    expect(code).toBe(1)
    expect(said).toMatch(
      /^Stripe could not be listed since \S.*: Stripe cannot be reached\.\nThe rest agrees\.$/,
    )
    expect(JSON.parse((await run('--json')).said)).toMatchObject({
      look: { status: 'complete', unlisted: [{ source: 'stripe', error: 'Stripe cannot be reached.' }] },
    })
    expect((await run('--force')).code).toBe(2)
    expect((await run('now')).code).toBe(2)
  })
})
