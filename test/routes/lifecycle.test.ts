import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { auditEvents, runs } from '../../src/db/schema'
import { getRun, latestRun } from '../../src/runs/run'
import { signupToken } from '../../src/signups/link'
import { getTenant } from '../../src/tenants/tenant'
import type { Browser } from '../browser-habits'
import { AUTH_SECRET, type Stage } from '../stage'
import { elementsOf } from '../views/dom'
import { dedicated, endRun, liveTenant, openLivingStage } from './living'

const DAY_MS = 86_400_000

let stage: Stage
let operator: Browser
let id: string
beforeEach(async () => {
  stage = openLivingStage()
  operator = await stage.operator()
  id = await liveTenant(stage)
})
afterEach(() => stage.close())

const page = async (path: string) => (await operator.get(`/admin/tenants/${id}${path}`)).text()
const linksOf = (markup: string) =>
  elementsOf(markup).flatMap(({ attributes }) => attributes.get('href') ?? attributes.get('action') ?? [])
const run = () => latestRun(stage.services.db.read, id)
const tenant = () => getTenant(stage.services.db.read, id)
const queuedAs = (answer: Response, kind: string) => {
  expect([answer.status, answer.headers.get('location')]).toEqual([303, `/admin/runs/${run()?.id}`])
  expect(run()).toMatchObject({ kind, status: 'queued' })
}

async function refusedAs(answer: Response, words: string): Promise<void> {
  expect(answer.status).toBe(409)
  const text = await answer.text()
  expect(text).toContain(words)
  // The reason stands on the tenant's own page, which leads to the run that is in the way.
  expect(linksOf(text)).toContain(`/admin/runs/${run()?.id}`)
}

async function ask(method: string, path: string, json?: object) {
  const headers = { authorization: `Bearer ${stage.apiToken().token}` }
  const answer = await stage.browser().ask(path, { method, json, headers })
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> }
}

describe('a tenant’s page', () => {
  test('leads to what can be done to it as it is, and to nothing else', async () => {
    const own = (links: string[]) =>
      links
        .filter((link) => /\/(plan|suspension|deletion|resumption)$/.test(link))
        .map((link) => link.split('/').at(-1))
    expect(own(linksOf(await page('')))).toEqual(['plan', 'suspension', 'deletion'])
    stage.services.db.sqlite.run("UPDATE tenants SET status = 'suspended', suspended_for = 'unpaid'")
    const suspended = await page('')
    expect(own(linksOf(suspended)).sort()).toEqual(['deletion', 'resumption'])
    expect(suspended).toContain('It is not paid for')
  })

  test('says what is owed, as does the list, and offers no way back before it is paid', async () => {
    const { sqlite } = stage.services.db
    const list = async () => (await operator.get('/admin/tenants')).text()
    expect(await page('')).not.toContain('This tenant is not paid for')
    expect(await list()).not.toContain('badge-dot" aria-hidden="true"></span>unpaid')
    sqlite.run("UPDATE subscriptions SET status = 'past_due', unpaid_since = ?", [stage.clock.now() - DAY_MS])
    expect(await page('')).toContain('This tenant is not paid for')
    expect(await page('')).toContain(new Date(stage.clock.now() + 6 * DAY_MS).toISOString())
    expect(await list()).toContain('badge-dot" aria-hidden="true"></span>unpaid')
    stage.clock.advance(6 * DAY_MS)
    sqlite.run("UPDATE tenants SET status = 'suspended', suspended_for = 'unpaid'")
    operator = await stage.operator()
    const suspended = await page('')
    expect(suspended).toContain('before its invoice is paid at Stripe')
    expect(linksOf(suspended)).not.toContain(`/admin/tenants/${id}/resumption`)
    const answer = await operator.post(`/admin/tenants/${id}/resumption`)
    await refusedAs(answer, 'it would be suspended again at once')
    sqlite.run("UPDATE subscriptions SET status = 'active', unpaid_since = NULL")
    queuedAs(await operator.post(`/admin/tenants/${id}/resumption`), 'resume')
  })

  test('whose release can’t live with its data says so, offers what helps, and refuses what would start it', async () => {
    const { sqlite } = stage.services.db
    sqlite.run(
      `INSERT INTO releases (id, blueprint, tag, notes, migration, backup, images, created_by, created_at)
        VALUES ('rel_43', 'virtues', 'v43', '', 'contract', 0, '[]', 'ada', 1)`,
    )
    sqlite.run(
      "UPDATE tenants SET no_return_release_id = 'rel_43', no_return_since = 1, status = 'suspended'",
    )
    const words = 'The deploy of v43 stopped after it may have changed the data for good'
    const text = await page('')
    expect(text).toContain(words)
    const links = linksOf(text).filter((link) => link.startsWith(`/admin/tenants/${id}/`))
    const offered = links.map((link) => link.split('/').at(-1))
    expect(offered).toContain('deployment')
    for (const page of ['resumption', 'plan', 'secret-rotation']) expect(offered).not.toContain(page)
    await refusedAs(await operator.post(`/admin/tenants/${id}/resumption`), words)
    await refusedAs(await operator.get(`/admin/tenants/${id}/secret-rotation`), words)
    const answer = await ask('POST', '/api/admin/unsuspend', { tenant_id: id })
    expect(answer).toMatchObject({
      status: 409,
      body: { error: { message: expect.stringContaining(words) } },
    })
    const told = await ask('GET', `/api/admin/tenant/${id}`)
    expect(told.body.start_obstacle).toContain(
      'Deploy v43 or a later release; there is no backup from before it.',
    )
    sqlite.run("UPDATE tenants SET status = 'active'")
    await refusedAs(await operator.get(`/admin/tenants/${id}/plan`), words)
    await refusedAs(await operator.get(`/admin/tenants/${id}/move`), words)
  })

  test('says what is at work on it, and offers nothing else meanwhile', async () => {
    await operator.post(`/admin/tenants/${id}/suspension`)
    const text = await page('')
    expect(text).toContain('Suspend ada-lovelace: at work right now')
    expect(linksOf(text)).toContain(`/admin/runs/${run()?.id}`)
    expect(linksOf(text)).not.toContain(`/admin/tenants/${id}/deletion`)
  })
})

describe('suspending', () => {
  test('asks first, then leads to its run', async () => {
    expect(await page('/suspension')).toContain('Suspend ada-lovelace?')
    expect(run()?.kind).toBe('provision')
    queuedAs(await operator.post(`/admin/tenants/${id}/suspension`), 'suspend')
  })

  test('by two operators at once has one winner; the other is told and led to the run', async () => {
    const other = await stage.operator()
    const path = `/admin/tenants/${id}/suspension`
    const answers = await Promise.all([operator.post(path), other.post(path)])
    expect(answers.map(({ status }) => status).sort()).toEqual([303, 409])
    await refusedAs(await operator.post(path), 'Wait until its run “suspend” has ended, or cancel it.')
    expect(stage.services.db.read.select().from(runs).all()).toHaveLength(2)
  })

  test('of a suspended one is refused, as is resuming one that runs', async () => {
    await refusedAs(await operator.post(`/admin/tenants/${id}/resumption`), 'Only a suspended tenant')
    stage.services.db.sqlite.run("UPDATE tenants SET status = 'suspended'")
    await refusedAs(await operator.get(`/admin/tenants/${id}/suspension`), 'Only an active tenant')
    queuedAs(await operator.post(`/admin/tenants/${id}/resumption`), 'resume')
  })

  test('by a program is in the same words', async () => {
    const suspended = await ask('POST', '/api/admin/suspend', { tenant_id: id })
    expect(suspended).toEqual({ status: 202, body: { run_id: run()?.id ?? '' } })
    const again = await ask('POST', '/api/admin/suspend', { tenant_id: id })
    expect(again).toMatchObject({ status: 409, body: { error: { code: 'conflict' } } })
    endRun(stage, id)
    stage.services.db.sqlite.run("UPDATE tenants SET status = 'suspended'")
    expect((await ask('POST', '/api/admin/unsuspend', { tenant_id: id })).status).toBe(202)
  })
})

describe('changing the plan', () => {
  test('says of each plan what it means, and leads to its run', async () => {
    const text = await page('/plan')
    expect(text).toContain('The server becomes a ccx13: visitors get no answer for about 5 minutes.')
    queuedAs(await operator.post(`/admin/tenants/${id}/plan`, { plan: 'virtues/pro' }), 'change-plan')
    expect(JSON.parse(run()?.input ?? '')).toMatchObject({
      planId: 'virtues/pro',
      serverType: 'ccx13',
      minutes: 5,
    })
  })

  test('refuses what can’t be had with the reason, and the page stays', async () => {
    const answer = await operator.post(`/admin/tenants/${id}/plan`, { plan: 'virtues/starter' })
    expect(answer.status).toBe(409)
    expect(await answer.text()).toContain('has it already')
    expect(run()?.kind).toBe('provision')
  })

  test('offers nothing that the cloud does not have there', async () => {
    const elsewhere = openLivingStage([dedicated('hel1')])
    const theirs = await liveTenant(elsewhere)
    const text = await (await (await elsewhere.operator()).get(`/admin/tenants/${theirs}/plan`)).text()
    expect(text).toContain('No server type in nbg1')
    expect(text).not.toContain('>Change the plan</button>')
    expect(await page('/plan')).toContain('>Change the plan</button>')
    await elsewhere.close()
  })

  test('by a program says for how long visitors get no answer', async () => {
    const { status, body } = await ask('POST', `/api/admin/tenant/${id}/plan`, { plan: 'virtues/pro' })
    expect([status, body]).toEqual([202, { run_id: run()?.id ?? '', downtime_minutes: 5 }])
  })
})

describe('deleting', () => {
  const path = () => `/admin/tenants/${id}/deletion`
  const GOOD = { confirmation: 'ada-lovelace', days: '7', image: 'yes' }

  test('says what will be lost, asks for the name and leads to its run', async () => {
    const text = await page('/deletion')
    for (const loss of ['ada-lovelace', '198.18.0.1', 'subscription sub_1']) expect(text).toContain(loss)
    queuedAs(await operator.post(path(), { ...GOOD, days: '3' }), 'delete')
    expect(tenant()).toMatchObject({ status: 'deleting', deleteAt: stage.clock.now() + 3 * 86_400_000 })
    expect(await page('')).toContain('This tenant is going to be deleted')
  })

  test('is refused to whoever types another name, or days that are none', async () => {
    for (const wrong of [
      { confirmation: 'ada' },
      { confirmation: '' },
      { days: '-1' },
      { days: '91' },
      { days: '1.5' },
      { days: '' },
    ]) {
      const answer = await operator.post(path(), { ...GOOD, ...wrong })
      expect(answer.status).toBe(422)
    }
    expect(tenant().status).toBe('active')
  })

  test('of a sixth within an hour wants to be meant', async () => {
    for (let n = 1; n <= 5; n++) {
      const other = await liveTenant(stage, `other-${'abcdefgh'[n]}`)
      expect((await ask('DELETE', `/api/admin/tenant/${other}`)).status).toBe(202)
    }
    const refused = await operator.post(path(), GOOD)
    expect(refused.status).toBe(422)
    expect(await refused.text()).toContain('5 tenants were given to deletion within the last hour')
    expect((await ask('DELETE', `/api/admin/tenant/${id}`)).status).toBe(409)
    expect((await operator.post(path(), { ...GOOD, many: 'yes' })).status).toBe(303)
  })

  test('is taken back with one click while it can be', async () => {
    await operator.post(path(), GOOD)
    const going = run()?.id ?? ''
    expect(linksOf(await page(''))).toContain(`/admin/tenants/${id}/deletion-withdrawal`)
    const answer = await operator.post(`/admin/tenants/${id}/deletion-withdrawal`)
    expect(answer.headers.get('location')).toBe(`/admin/runs/${going}`)
    expect(getRun(stage.services.db.read, going).cancelRequestedAt).not.toBeNull()
    expect(await page('')).not.toContain('deletion-withdrawal')
  })

  test('is no longer taken back past its point of no return, and says so', async () => {
    await operator.post(path(), GOOD)
    stage.services.db.sqlite.run("UPDATE steps SET status = 'waiting' WHERE name = 'stop-app'")
    expect(await page('')).toContain('It can no longer be brought back')
    await refusedAs(await operator.post(`/admin/tenants/${id}/deletion-withdrawal`), 'can’t be taken back')
  })

  test('by a program takes its cool-off from the query', async () => {
    for (const none of ['x', '', '%20', '1e1', '-1', '0x1']) {
      const refused = await ask('DELETE', `/api/admin/tenant/${id}?cool_off_days=${none}`)
      expect([none, refused.status]).toEqual([none, 422])
    }
    const { status, body } = await ask('DELETE', `/api/admin/tenant/${id}?cool_off_days=0&image=false`)
    expect([status, body]).toEqual([202, { run_id: run()?.id ?? '', delete_at: stage.clock.now() }])
    expect(JSON.parse(run()?.input ?? '')).toMatchObject({ withImage: false })
    expect((await ask('POST', `/api/admin/tenant/${id}/undeletion`)).status).toBe(202)
  })
})

describe('a run that stopped half-way', () => {
  const needsMe = async () => linksOf(await (await operator.get('/admin')).text())

  test('is still there to be mended after a deletion that was taken back', async () => {
    await operator.post(`/admin/tenants/${id}/plan`, { plan: 'virtues/pro' })
    endRun(stage, id, 'failed')
    const stopped = run()?.id ?? ''
    stage.clock.advance(1)
    await ask('DELETE', `/api/admin/tenant/${id}`)
    expect(run()?.kind).toBe('delete')
    expect((await ask('POST', `/api/admin/runs/${stopped}/retry`)).status).toBe(409)
    const { sqlite } = stage.services.db
    sqlite.run("UPDATE runs SET status = 'cancelled' WHERE kind = 'delete'")
    sqlite.run("UPDATE tenants SET status = 'active'")
    expect(run()?.id).toBe(stopped)
    expect(await needsMe()).toContain(`/admin/runs/${stopped}`)
    expect(linksOf(await page(''))).toContain(`/admin/runs/${stopped}/undo`)
    await refusedAs(await operator.post(`/admin/tenants/${id}/suspension`), 'has stopped half-way')
    expect((await ask('POST', `/api/admin/runs/${stopped}/undo`)).status).toBe(202)
  })

  test('needs nobody any more once a later one has taken its place', async () => {
    await operator.post(`/admin/tenants/${id}/suspension`)
    endRun(stage, id, 'failed')
    const stopped = run()?.id ?? ''
    const stops = (links: string[]) => links.filter((link) => link === `/admin/runs/${stopped}`).length
    const before = stops(await needsMe())
    stage.clock.advance(1)
    await operator.post(`/admin/tenants/${id}/suspension`)
    expect(stops(await needsMe())).toBe(before - 1)
  })
})

describe('a run, by API', () => {
  test('is shown with its steps and what can be done about it', async () => {
    await ask('POST', '/api/admin/suspend', { tenant_id: id })
    const { status, body } = await ask('GET', `/api/admin/runs/${run()?.id}`)
    expect(status).toBe(200)
    expect(body).toMatchObject({
      kind: 'suspend',
      status: 'queued',
      tenant: { id, subdomain: 'ada-lovelace' },
      steps: [{ name: 'stop-app', status: 'pending' }],
      can_retry: false,
      can_undo: false,
      can_cancel: true,
      undo_losses: [],
    })
  })

  test('is cancelled, retried and undone, and refused when its state does not allow it', async () => {
    await ask('POST', '/api/admin/suspend', { tenant_id: id })
    const mend = async (verb: string) => (await ask('POST', `/api/admin/runs/${run()?.id}/${verb}`)).status
    expect(await mend('retry')).toBe(409)
    expect(await mend('undo')).toBe(409)
    expect(await mend('cancel')).toBe(202)
    endRun(stage, id, 'failed')
    expect(await mend('cancel')).toBe(409)
    expect(await mend('retry')).toBe(202)
    endRun(stage, id, 'failed')
    expect(await mend('undo')).toBe(202)
    expect(run()).toMatchObject({ status: 'queued', direction: 'undo' })
    const events = stage.services.db.read.select().from(auditEvents).all()
    expect(events.filter(({ action }) => action.startsWith('run.')).map(({ action }) => action)).toEqual([
      'run.cancelled',
      'run.retried',
      'run.undone',
    ])
  })

  test('that is not there is a 404, whatever is asked of it', async () => {
    expect((await ask('GET', '/api/admin/runs/run_x')).status).toBe(404)
    for (const verb of ['retry', 'undo', 'cancel']) {
      expect((await ask('POST', `/api/admin/runs/run_x/${verb}`)).status).toBe(404)
    }
  })
})

test('undoing a run that loses nothing says what it takes back', async () => {
  await operator.post(`/admin/tenants/${id}/plan`, { plan: 'virtues/pro' })
  endRun(stage, id, 'failed')
  stage.services.db.sqlite.run(
    "UPDATE steps SET status = 'succeeded' WHERE name IN ('change-subscription', 'stop-app')",
  )
  const text = await (await operator.get(`/admin/runs/${run()?.id}/undo`)).text()
  expect(text.indexOf('Stop the app')).toBeLessThan(text.indexOf('Change the subscription'))
  expect(text).toContain('Nothing is lost by it')
})

test.each([
  ['restore', 'put-back', 'What was put back, with all that was written since'],
  ['move', 'copy-data', 'The new server ada-lovelace-'],
  ['rotate-secrets', 'make-secrets', 'The new secrets'],
])('undoing a %s says what is lost, to people and programs', async (kind, step, loss) => {
  const { sqlite } = stage.services.db
  await operator.post(`/admin/tenants/${id}/suspension`)
  endRun(stage, id, 'failed')
  sqlite.run("UPDATE runs SET kind = ? WHERE kind = 'suspend'", [kind])
  sqlite.run('UPDATE steps SET name = ?, status = ? WHERE run_id = ?', [step, 'failed', run()?.id ?? ''])
  const text = await (await operator.get(`/admin/runs/${run()?.id}/undo`)).text()
  expect(text).toContain(loss)
  expect(text).not.toContain('Nothing is lost by it')
  const { body } = await ask('GET', `/api/admin/runs/${run()?.id}`)
  expect(body.undo_losses).toEqual([expect.stringContaining(loss)])
})

test('the customer’s page still tells of the beginning when the tenant is backed up later', async () => {
  const token = signupToken(AUTH_SECRET, tenant().signupId ?? '')
  const progress = async () => (await stage.browser().get(`/signup/success?signup=${token}`)).text()
  stage.services.db.sqlite.run("UPDATE steps SET status = 'succeeded', finished_at = 1")
  const before = await progress()
  expect(before).toContain('Server created')
  stage.services.db.sqlite.run(
    `INSERT INTO runs (id, kind, tenant_id, input, status, available_at, created_at)
     VALUES ('run_z', 'backup', ?, '{}', 'failed', 0, ?)`,
    [id, stage.clock.now() + 1],
  )
  expect(await progress()).toBe(before)
})
