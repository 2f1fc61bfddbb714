import { afterEach, describe, expect, test } from 'bun:test'
import { rolloutTargets } from '../../src/db/schema'
import { unavailable } from '../../src/errors'
import type { Browser } from '../browser-habits'
import { type ApiExchange, checkExchange, type OpenApiDocument } from '../contract/openapi'
import { Fleet } from '../rollouts/fleet'
import { elementsOf, unescaped } from '../views/dom'

let fleet: Fleet
let operator: Browser
const open = async (size: number) => {
  fleet = await Fleet.open(size)
  operator = await fleet.stage.operator()
}
afterEach(() => fleet.close())

const FORM = { blueprint: 'virtues', tag: 'v43', migration: 'none' }
const text = async (path: string) => (await operator.get(path)).text()
/** The words of a page's main part, as they are read. */
const words = (markup: string) =>
  unescaped((/<main[\s\S]*<\/main>/.exec(markup)?.[0] ?? '').replace(/<[^>]*>/g, ' ')).replace(/\s+/g, ' ')
const started = () => fleet.db.read.select().from(rolloutTargets).all().length > 0

describe('/admin/deploy', () => {
  test('shows who would get what and when, and starts nothing', async () => {
    await open(20)
    fleet.change('t03', { status: 'suspended' })
    const answer = await operator.post('/admin/deploy/plan', { ...FORM, canaries: 't07', bake_minutes: '3' })
    expect(answer.status).toBe(200)
    const said = words(await answer.text())
    expect(said).toContain('19 tenants in 3 waves, at most 10 at a time')
    expect(said).toContain('When it fails, it goes back by itself')
    expect(said).toMatch(
      /Wave 1 1 tenant At once, takes about 1 min, then is watched for 3 min\. From v42\. t07 \(canary\) Wave 2/,
    )
    expect(said).toContain('t03 : It is suspended.')
    expect(said).toContain('Start: v43 to 19 tenants')
    expect(started()).toBe(false)
  })

  test('starts what was shown, and leads to it', async () => {
    await open(3)
    const answer = await operator.post('/admin/deploy', { ...FORM, notes: 'Faster.', waves: '2 / 100 %' })
    expect(answer.status).toBe(303)
    expect(answer.headers.get('location')).toBe(`/admin/rollouts/${fleet.rollout.id}`)
    expect(fleet.targets().map(({ wave }) => wave)).toEqual([0, 0, 1])
    const page = words(await text(`/admin/rollouts/${fleet.rollout.id}`))
    expect(page).toContain('Holds the fleet of virtues for founder@example.com, begun')
    expect(page).toContain('Faster.')
  })

  test('says in clear words when there is no way back, and starts only when that is known', async () => {
    await open(3)
    const contract = { ...FORM, migration: 'contract', backup: 'no' }
    const plan = words(await (await operator.post('/admin/deploy/plan', contract)).text())
    expect(plan).toContain('v43 cannot go back')
    expect(plan).toContain('No backup is taken before, because you said so.')
    const refused = await operator.post('/admin/deploy', contract)
    expect(refused.status).toBe(409)
    expect(words(await refused.text())).toContain('There is no way back from v43')
    expect(started()).toBe(false)
    const known = await operator.post('/admin/deploy', { ...contract, accepts_no_way_back: 'yes' })
    expect(known.status).toBe(303)
  })

  test('says of every field what is wrong with it, and keeps what was written', async () => {
    await open(1)
    const wrong = { ...FORM, tag: 'v 43', waves: '5 %', concurrency: '0', canaries: 'T07' }
    for (const path of ['/admin/deploy/plan', '/admin/deploy']) {
      const answer = await operator.post(path, wrong)
      expect(answer.status).toBe(422)
      const markup = await answer.text()
      expect(words(markup)).toContain('The last wave must be 100 %')
      expect(words(markup)).toContain('Must be a whole number from 1 to 50.')
      const values = elementsOf(markup).map(({ attributes }) => attributes.get('value'))
      for (const value of ['v 43', '5 %', '0', 'T07']) expect(values).toContain(value)
    }
    const tag = await operator.post('/admin/deploy/plan', { ...FORM, tag: '-' })
    expect(words(await tag.text())).toContain('Must be the tag of an image')
    const canary = await operator.post('/admin/deploy/plan', { ...FORM, canaries: 'nobody' })
    expect([canary.status, words(await canary.text())]).toEqual([
      422,
      expect.stringContaining('Name 1 is no tenant of this blueprint.'),
    ])
  })

  test('says when the registry can’t be reached, with the form as it was', async () => {
    await open(1)
    const registry = { resolve: () => Promise.reject(unavailable('The registry can’t be reached.')) }
    Object.assign(fleet.services, { registry })
    const answer = await operator.post('/admin/deploy/plan', FORM)
    expect(answer.status).toBe(503)
    expect(words(await answer.text())).toContain('The registry can’t be reached.')
  })

  test('says who holds the fleet, and refuses a second rollout', async () => {
    await open(2)
    await fleet.rollOut('v43')
    expect(words(await text('/admin/deploy'))).toContain('The fleet of virtues is held by the rollout of v43')
    const answer = await operator.post('/admin/deploy', { ...FORM, tag: 'v44' })
    expect(answer.status).toBe(409)
    expect(words(await answer.text())).toContain('The rollout of v43 holds the fleet')
  })

  test('is filled in by a link', async () => {
    await open(1)
    await fleet.release('v43')
    const [link] = elementsOf(await text('/admin/releases')).filter(
      ({ tag, text }) => tag === 'a' && text === 'Deploy v43',
    )
    const form = elementsOf(await text(link?.attributes.get('href')?.replace('&amp;', '&') ?? ''))
    expect(form.find(({ attributes }) => attributes.get('id') === 'tag')?.attributes.get('value')).toBe('v43')
  })
})

describe('/admin/releases', () => {
  test('lists them with their digests and how many run them', async () => {
    await open(3)
    const before = words(await text('/admin/releases'))
    expect(before).toContain('No releases yet')
    expect(before).toContain('3 tenants run v42 , as when made')
    await fleet.rollOut('v43', { bake_minutes: 0 })
    await fleet.live()
    const said = words(await text('/admin/releases'))
    expect(said).toContain('1 release of virtues')
    expect(said).toMatch(/v43 .*1 image ghcr\.io\/example\/virtues:v43@sha256:[0-9a-f]{64} 3 as it is/)
  })
})

describe('/admin/rollouts', () => {
  test('lists them, to search and filter, and says so when there are none', async () => {
    await open(2)
    expect(words(await text('/admin/rollouts'))).toContain('No rollouts yet')
    await fleet.rollOut('v43', { bake_minutes: 0 })
    await fleet.live()
    await fleet.rollOut('v44')
    expect(words(await text('/admin/rollouts'))).toMatch(/2 rollouts.*v44 to virtues.*v43 to virtues/)
    expect(words(await text('/admin/rollouts?q=v43'))).toContain('1 rollout ')
    expect(words(await text('/admin/rollouts?status=running'))).not.toContain('v43 to')
    expect(words(await text('/admin/rollouts?status=frozen'))).toContain('No rollout matches')
  })
})

describe('a rollout’s page', () => {
  const squares = (markup: string) =>
    elementsOf(markup).filter(({ attributes }) => attributes.get('href')?.startsWith('?target='))

  test('has a square for every tenant, by waves, each leading to its log', async () => {
    await open(6)
    fleet.behaves = (name) => (name === fleet.targets()[1]?.name ? 'health' : 'good')
    const id = await fleet.rollOut('v43', { waves: '1 / 50 % / 100 %', bake_minutes: 0, stop_failures: 5 })
    await fleet.live()
    const markup = await text(`/admin/rollouts/${id}`)
    const [first, second] = fleet.targets()
    expect(squares(markup)).toHaveLength(6)
    expect(squares(markup).map(({ text }) => text)).toContain(
      `${second?.name} failed, and is back on its former release`,
    )
    expect(words(markup)).toMatch(
      /What failed Health at 1 tenant The server says: It failed at health\. t\d+ : log/,
    )
    for (const target of [first, second]) {
      const answer = await operator.get(`/admin/rollouts/${id}?target=${target?.position}`)
      expect(answer.headers.get('location')).toBe(`/admin/runs/${target?.runId}`)
    }
    expect((await operator.get(`/admin/rollouts/${id}?target=99`)).status).toBe(404)
    expect((await operator.get(`/admin/rollouts/${id}?target=x`)).status).toBe(404)
  })

  test('leads to the tenant while it has not begun', async () => {
    await open(3)
    const id = await fleet.rollOut('v43')
    const last = fleet.targets().at(-1)
    const answer = await operator.get(`/admin/rollouts/${id}?target=${last?.position}`)
    expect(answer.headers.get('location')).toBe(`/admin/tenants/${last?.tenantId}`)
  })

  test('follows along with what has changed, block by block', async () => {
    await open(250)
    await fleet.end()
    const id = await fleet.rollOut('v43', { waves: '100 %' })
    const page = await text(`/admin/rollouts/${id}`)
    const eventsUrl =
      elementsOf(page).flatMap(({ attributes }) => attributes.get('hx-sse:connect') ?? [])[0] ?? ''
    fleet.db.sqlite.run('UPDATE rollout_targets SET updated_at = 0')
    const reader = (await operator.get(eventsUrl)).body?.getReader()
    const next = async () => {
      const message = new TextDecoder().decode((await reader?.read())?.value)
      return [...message.matchAll(/<hx-partial hx-target="#([\w-]+)"/g)].map((match) => match[1])
    }
    expect(await next()).toEqual(['rollout-head', 'rollout-legend', 'wave-0'])
    fleet.db.write((tx) => {
      tx.run("UPDATE rollout_targets SET state = 'deploying' WHERE position = 130")
    })
    fleet.clock.advance(200)
    expect(await next()).toEqual(['rollout-legend', 'squares-100'])
    await reader?.cancel()
  })

  test('sends at first what has changed since the page was drawn', async () => {
    await open(150)
    await fleet.end()
    const id = await fleet.rollOut('v43', { waves: '100 %' })
    fleet.db.sqlite.run('UPDATE rollout_targets SET updated_at = 0 WHERE position >= 100')
    const answer = await operator.get(`/admin/rollouts/${id}/events?since=${fleet.clock.now()}`)
    const reader = answer.body?.getReader()
    const message = new TextDecoder().decode((await reader?.read())?.value)
    expect(message).toContain('#squares-0"')
    expect(message).not.toContain('#squares-100"')
    await reader?.cancel()
  })

  test('of a large fleet stays small: a tile for each hundred, which says how many are where', async () => {
    await open(1_101)
    await fleet.end()
    const id = await fleet.rollOut('v43', { waves: '1 / 100 %' })
    fleet.db.sqlite.run("UPDATE rollout_targets SET state = 'succeeded' WHERE position <= 150")
    fleet.db.sqlite.run(
      "UPDATE rollout_targets SET state = 'failed', failed_part = 'health' WHERE position = 50",
    )
    const page = await text(`/admin/rollouts/${id}`)
    expect(page.length).toBeLessThan(20_000)
    expect(squares(page)).toEqual([])
    const tiles = elementsOf(page).filter(({ attributes }) => attributes.get('id')?.startsWith('squares-'))
    expect(tiles.map(({ text }) => text)).toEqual([
      'Has it 1',
      'Has it 99, Failed 1',
      ...['Has it 50, Waiting 50', ...Array(9).fill('Waiting 100')],
    ])
    const third = tiles[2]?.attributes.get('href') ?? ''
    expect(third).toBe(`/admin/rollouts/${id}/targets?page=3`)
    expect(words(await text(third))).toContain('101 to 150 of 1,101 tenants')
    const eventsUrl =
      elementsOf(page).flatMap(({ attributes }) => attributes.get('hx-sse:connect') ?? [])[0] ?? ''
    fleet.db.sqlite.run('UPDATE rollout_targets SET updated_at = 0')
    const reader = (await operator.get(eventsUrl)).body?.getReader()
    await reader?.read()
    fleet.db.write((tx) => {
      tx.run("UPDATE rollout_targets SET state = 'stuck' WHERE position = 203")
    })
    fleet.clock.advance(200)
    const message = new TextDecoder().decode((await reader?.read())?.value)
    expect(message).toContain('hx-target="#squares-201"')
    expect(message).toContain('<b>Waiting 99, Stuck 1</b>')
    expect(message).not.toContain('#squares-301"')
    await reader?.cancel()
  })

  test('is held, resumed and aborted', async () => {
    await open(6)
    const id = await fleet.rollOut('v43', { waves: '1 / 100 %', bake_minutes: 30 })
    await fleet.pass(2)
    const path = `/admin/rollouts/${id}`
    const buttons = async () =>
      elementsOf(await text(path)).flatMap(({ tag, text, attributes }) =>
        tag === 'button' || attributes.get('class')?.startsWith('button ') ? [text] : [],
      )
    expect(await buttons()).toEqual(['Sign out', 'Hold', 'Abort…', 'Roll back… everybody from v43'])
    expect((await operator.post(`${path}/hold`)).headers.get('location')).toBe(path)
    expect(fleet.rollout.status).toBe('held')
    const again = await operator.post(`${path}/hold`)
    expect([again.status, words(await again.text())]).toEqual([
      409,
      expect.stringContaining('This rollout is held, so it can’t be held.'),
    ])
    expect(await buttons()).toContain('Resume')
    await operator.post(`${path}/resumption`)
    expect(fleet.rollout.status).toBe('running')
    expect(words(await text(`${path}/abortion`))).toContain(
      '5 tenants that have not begun keep their release.',
    )
    await operator.post(`${path}/abortion`)
    expect(fleet.rollout.status).toBe('aborted')
    expect(words(await text(path))).toContain('1 tenant kept v43.')
  })

  test('takes everybody back once its tag is typed', async () => {
    await open(3)
    const id = await fleet.rollOut('v43', { bake_minutes: 0 })
    await fleet.live()
    const path = `/admin/rollouts/${id}/way-back`
    expect(words(await text(path))).toContain('3 tenants get the release back that they had before.')
    const wrong = await operator.post(path, { confirmation: 'v42' })
    expect([wrong.status, fleet.rollout.status]).toEqual([422, 'succeeded'])
    expect((await operator.post(path, { confirmation: 'v43' })).status).toBe(303)
    expect((await fleet.live()).status).toBe('rolled_back')
    expect(fleet.running()).toEqual(['v42'])
    expect(words(await text(`/admin/rollouts/${id}`))).toContain('Taken back by hand.')
  })

  test('has a list of its tenants, where one that waits can be skipped', async () => {
    await open(4)
    const id = await fleet.rollOut('v43')
    await fleet.pass(0.1)
    const path = `/admin/rollouts/${id}/targets`
    const [begun, next] = fleet.targets()
    expect(words(await text(path))).toMatch(/4 tenants.*waiting/)
    expect(words(await text(`${path}?q=${next?.name}`))).toContain('1 tenant ')
    expect(words(await text(`${path}?state=stuck`))).toContain('No tenant matches')
    expect((await operator.post(`${path}/${next?.tenantId}/skip`)).headers.get('location')).toBe(path)
    expect(words(await text(`${path}?state=skipped`))).toContain(`${next?.name} Left out by hand.`)
    const late = await operator.post(`${path}/${begun?.tenantId}/skip`)
    expect([late.status, words(await late.text())]).toEqual([
      409,
      expect.stringContaining('It has begun here already.'),
    ])
    expect((await operator.post(`${path}/ten_none/skip`)).status).toBe(404)
  })

  test('is 404 when there is no such rollout', async () => {
    await open(1)
    for (const path of ['', '/events', '/targets', '/abortion', '/way-back'])
      expect((await operator.get(`/admin/rollouts/rol_none${path}`)).status).toBe(404)
    for (const verb of ['hold', 'resumption', 'abortion'])
      expect((await operator.post(`/admin/rollouts/rol_none/${verb}`)).status).toBe(404)
  })
})

describe('for programs', () => {
  const exchanges: ApiExchange[] = []
  const ask = async (method: string, path: string, request?: object) => {
    const headers = { authorization: `Bearer ${fleet.stage.apiToken().token}` }
    const json = method === 'POST' ? (request ?? {}) : undefined
    const answer = await fleet.stage.browser().ask(`/api/admin${path}`, { method, headers, json })
    const exchange = { method, path: `/api/admin${path}`, request: json, status: answer.status }
    exchanges.push({ ...exchange, answer: await answer.clone().json() })
    return answer
  }

  test('everything can be done, and is as the document says', async () => {
    await open(6)
    const wanted = { tag: 'v43', migration: 'none', waves: '1 / 100 %', bake_minutes: 30 }
    const plan = (await (await ask('POST', '/deploy/plan', wanted)).json()) as Record<string, unknown>
    expect(plan).toMatchObject({
      can_go_back: true,
      obstacles: [],
      waves: [{ number: 1, size: 1 }, { size: 5 }],
    })
    const begun = await ask('POST', '/deploy', { ...wanted, backup: false, canaries: 't03' })
    const { rollout_id: id } = (await begun.json()) as { rollout_id: string }
    expect([begun.status, id]).toEqual([202, fleet.rollout.id])
    expect((await ask('POST', '/deploy', { tag: 'v44', migration: 'none' })).status).toBe(409)
    fleet.behaves = () => 'migrate'
    const waiting = fleet.targets().at(-1)?.tenantId
    expect((await ask('POST', `/rollouts/${id}/targets/${waiting}/skip`)).status).toBe(200)
    await ask('GET', '/rollouts?status=running&q=v4')
    await ask('GET', `/rollouts/${id}/targets?state=waiting&q=t0&page=1`)
    for (const verb of ['hold', 'resumption'])
      expect((await ask('POST', `/rollouts/${id}/${verb}`)).status).toBe(200)
    await fleet.pass(3)
    const failed = await (await ask('GET', `/rollouts/${id}`)).json()
    expect(failed).toMatchObject({
      failed: 1,
      failures: [{ part: 'migrate', tenants: [{ subdomain: 't03' }] }],
    })
    await ask('POST', `/rollouts/${id}/abortion`)
    await ask('POST', `/rollouts/${id}/way-back`)
    await ask('GET', '/releases?blueprint=virtues')
    for (const path of ['/rollouts/rol_none', '/rollouts/rol_none/targets', '/releases?blueprint=none'])
      expect((await ask('GET', path)).status).toBe(404)
    const document = (await (await operator.get('/api/openapi.json')).json()) as OpenApiDocument
    expect(exchanges.flatMap((exchange) => checkExchange(document, exchange))).toEqual([])
  })

  test('fields of a wrong type are told by name', async () => {
    await open(1)
    const wrong = { tag: 1, backup: 'yes', waves: [], concurrency: null, accepts_no_way_back: 'x' }
    for (const [name, value] of Object.entries(wrong)) {
      const answer = await ask('POST', '/deploy', { tag: 'v43', migration: 'none', [name]: value })
      expect([answer.status, ((await answer.json()) as { error: { fields: object } }).error.fields]).toEqual([
        422,
        { [name]: expect.any(String) },
      ])
    }
    expect(started()).toBe(false)
  })
})

describe('the overview', () => {
  test('shows a rollout that waits for a person, and failed deploys until something was done since', async () => {
    await open(3)
    fleet.behaves = () => 'health'
    const id = await fleet.rollOut('v43', { bake_minutes: 0 })
    await fleet.live()
    const failed = fleet.targets()[0]?.name
    expect(words(await text('/admin'))).toContain(`failed Deploy to ${failed}`)
    fleet.behaves = () => 'good'
    await fleet.rollOut('v44', { bake_minutes: 0 })
    await operator.post(`/admin/rollouts/${fleet.rollout.id}/hold`)
    expect(words(await text('/admin'))).toContain('held Rollout of v44')
    await operator.post(`/admin/rollouts/${fleet.rollout.id}/resumption`)
    await fleet.live()
    expect(fleet.rollout.id).not.toBe(id)
    expect(words(await text('/admin'))).not.toMatch(/failed Deploy|Rollout of/)
  })
})

describe('a tenant’s page', () => {
  test('says which release it runs since when, and which one it should', async () => {
    await open(3)
    fleet.change('t01', { status: 'suspended' })
    await fleet.rollOut('v43', { bake_minutes: 0 })
    await fleet.live()
    expect(words(await text('/admin/tenants/ten_t00'))).toMatch(/Release v43 of virtues, since \d+ min ago/)
    const behind = words(await text('/admin/tenants/ten_t01'))
    expect(behind).toContain('v42 of virtues Behind: it should run v43 . It is suspended. See the rollout')
    const headers = { authorization: `Bearer ${fleet.stage.apiToken().token}` }
    const told = await (await fleet.stage.browser().get('/api/admin/tenant/ten_t01', headers)).json()
    expect(told).toMatchObject({ release: 'v42', wanted_release: 'v43', tags: [] })
  })

  test('has tags, which name canaries', async () => {
    await open(3)
    const path = '/admin/tenants/ten_t02/tags'
    const wrong = await operator.post(path, { tags: 'Beta' })
    expect([wrong.status, words(await wrong.text())]).toEqual([422, expect.stringContaining('small letters')])
    expect((await operator.post(path, { tags: 'early, beta' })).headers.get('location')).toBe(
      '/admin/tenants/ten_t02',
    )
    expect(words(await text('/admin/tenants/ten_t02'))).toContain('Tags beta, early')
    await operator.post('/admin/deploy', { ...FORM, canaries: 'tag:beta' })
    expect(fleet.targets()[0]?.name).toBe('t02')
  })
})
