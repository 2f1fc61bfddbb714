import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { releases } from '../../src/db/schema'
import { latestRun } from '../../src/runs/run'
import type { Browser } from '../browser-habits'
import { checkExchange, type OpenApiDocument } from '../contract/openapi'
import { digestOf, Fleet } from '../rollouts/fleet'
import { unescaped } from '../views/dom'

let fleet: Fleet
let operator: Browser
beforeEach(async () => {
  fleet = await Fleet.open(3)
  operator = await fleet.stage.operator()
})
afterEach(() => fleet.close())

const FORM = { tag: 'v43', migration: 'none' }
const path = (name: string, page = 'deployment') => `/admin/tenants/ten_${name}/${page}`
const run = () => latestRun(fleet.db.read, 'ten_t01')
const words = async (answer: Response | Promise<Response>) =>
  unescaped((/<main[\s\S]*<\/main>/.exec(await (await answer).text())?.[0] ?? '').replace(/<[^>]*>/g, ' '))
    .replace(/\s+/g, ' ')
    .trim()

describe('a release for one tenant', () => {
  test('is asked for on its page, with what would happen before anything does', async () => {
    expect(await words(operator.get(path('t01')))).toContain('It runs v42 of virtues.')
    const said = await words(operator.post(path('t01', 'deployment/plan'), FORM))
    expect(said).toContain('When it fails, it goes back to v42 by itself')
    expect(said).toContain('v43 in place of v42')
    expect(said).toContain('Deploy v43 Leave it at v42')
    expect(run()?.kind).not.toBe('deploy')
  })

  test('reaches that tenant and nobody else', async () => {
    const answer = await operator.post(path('t01'), FORM)
    expect([answer.status, answer.headers.get('location')]).toEqual([303, `/admin/runs/${run()?.id}`])
    await fleet.pass(2)
    expect(['t00', 't01', 't02'].map((name) => fleet.tenant(name).release)).toEqual(['v42', 'v43', 'v42'])
    expect(await words(operator.post(path('t01', 'deployment/plan'), FORM))).toContain(
      'It can’t be started now t01 runs v43 already.',
    )
  })

  test('is what its page has shown: another image by now is not started', async () => {
    const shown = await (await operator.post(path('t01', 'deployment/plan'), FORM)).text()
    const [, digests = ''] = /name="digests" value="([^"]*)"/.exec(shown) ?? []
    expect(digests).toBe(digestOf('v43'))
    const stale = await operator.post(path('t01'), { ...FORM, digests: digestOf('v42') })
    expect(stale.status).toBe(409)
    expect(await words(stale)).toContain('v43 stands for another image than when you looked. Look again.')
    expect(run()?.kind).not.toBe('deploy')
    expect((await operator.post(path('t01'), { ...FORM, digests })).status).toBe(303)
  })

  test('that is older than its own leaves the data as it is', async () => {
    for (const tag of ['v43', 'v44']) {
      await operator.post(path('t01'), { ...FORM, tag, migration: 'expand' })
      await fleet.pass(2)
    }
    const said = await words(operator.post(path('t01', 'deployment/plan'), { tag: 'v43' }))
    expect(said).toContain('v43 is older than v44 It runs on with the data as it is: nothing is migrated.')
    await operator.post(path('t01'), { tag: 'v43' })
    expect(JSON.parse(run()?.input ?? '')).toMatchObject({ release: 'v43', way: 'back' })
  })

  test('without a way back is deployed only when that is known', async () => {
    const contract = { ...FORM, migration: 'contract', backup: 'no' }
    const said = await words(operator.post(path('t01', 'deployment/plan'), contract))
    expect(said).toContain('There is no way back to v42')
    const refused = await operator.post(path('t01'), contract)
    expect(refused.status).toBe(409)
    expect(run()?.kind).not.toBe('deploy')
    const known = await operator.post(path('t01'), { ...contract, accepts_no_way_back: 'yes' })
    expect(known.status).toBe(303)
  })

  test('waits while a rollout holds the fleet', async () => {
    await fleet.rollOut('v43')
    const answer = await operator.post(path('t01'), { ...FORM, tag: 'v44' })
    expect(answer.status).toBe(409)
    expect(await words(answer)).toContain('The rollout of v43 holds the fleet: it is running.')
  })

  test('is refused with the reason: by the field, or by the tenant’s own page', async () => {
    const wrong = await operator.post(path('t01'), { ...FORM, tag: 'v 43' })
    expect([wrong.status, await words(wrong)]).toEqual([
      422,
      expect.stringContaining('Must be the tag of an image'),
    ])
    fleet.change('t02', { status: 'deleting' })
    const suspended = await operator.get(path('t02'))
    expect([suspended.status, await words(suspended)]).toEqual([
      409,
      expect.stringContaining('can be brought to another release'),
    ])
  })

  test('can be asked for by a program, as the document says', async () => {
    const headers = { authorization: `Bearer ${fleet.stage.apiToken().token}` }
    const document = (await (await operator.get('/api/openapi.json')).json()) as OpenApiDocument
    const route = '/api/admin/tenant/ten_t01/deployment'
    const ask = async (request: object, path = route) => {
      const answer = await fleet.stage.browser().ask(path, { method: 'POST', headers, json: request })
      const exchange = { method: 'POST', path, request, status: answer.status }
      expect(checkExchange(document, { ...exchange, answer: await answer.clone().json() })).toEqual([])
      return answer
    }
    expect((await ask({ tag: 'v44' })).status).toBe(422)
    const contract = { tag: 'v43', migration: 'contract', backup: false }
    const plan = async (asked: object) => (await ask(asked, `${route}/plan`)).json()
    expect(await plan({ ...contract, accepts_no_way_back: true })).toMatchObject({
      release: { tag: 'v43', migration: 'contract' },
      ...{ way: 'forward', can_go_back: false, backup: false, obstacles: [] },
    })
    const why = { obstacles: [expect.stringContaining('There is no way back from v43')] }
    expect(await plan(contract)).toMatchObject(why)
    expect((await ask(contract)).status).toBe(409)
    // Neither a look nor a refusal has made it a release.
    expect(fleet.db.read.select().from(releases).all()).toEqual([])
    expect(run()?.kind).not.toBe('deploy')
    const wanted = { tag: 'v43', migration: 'none' }
    expect((await ask({ ...wanted, digests: digestOf('v43') })).status).toBe(422)
    expect((await ask({ ...wanted, digests: [digestOf('v42')] })).status).toBe(409)
    expect((await ask({ ...wanted, digests: [digestOf('v43')] })).status).toBe(202)
    expect(run()?.kind).toBe('deploy')
    const next = { tag: 'v44', migration: 'none' }
    const held = { obstacles: [expect.stringContaining('Wait until its run “deploy” has ended')] }
    expect(await plan(next)).toMatchObject(held)
    expect((await ask(next)).status).toBe(409)
  })
})
