import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { desc } from 'drizzle-orm'
import { backups, runs } from '../../src/db/schema'
import { unavailable } from '../../src/errors'
import type { Machines } from '../../src/providers/machines'
import type { Objects } from '../../src/providers/objects'
import { serverOf } from '../../src/tenants/tenant'
import type { Browser } from '../browser-habits'
import { type ApiExchange, checkExchange, type OpenApiDocument } from '../contract/openapi'
import type { Stage } from '../stage'
import { elementsOf } from '../views/dom'
import { endRun, liveTenant, openLivingStage } from './living'

const HOUR_MS = 3_600_000

let stage: Stage
let operator: Browser
let id: string
let serverAnswers: boolean
beforeEach(async () => {
  stage = openLivingStage()
  serverAnswers = true
  const machines: Machines = {
    async run() {
      if (serverAnswers) return { result: { ready: true }, hostKey: 'ssh-ed25519 AAAA' }
      throw unavailable('The server cannot be reached.')
    },
    close() {},
  }
  Object.assign(stage.services, { objects: {} as Objects, machines })
  operator = await stage.operator()
  id = await liveTenant(stage)
  stage.services.db.sqlite.run("UPDATE servers SET host_key = 'ssh-ed25519 AAAA'")
  stage.clock.advance(1_000)
})
afterEach(() => stage.close())

const page = async (path = '') => (await operator.get(`/admin/tenants/${id}${path}`)).text()
const linksOf = (markup: string) =>
  elementsOf(markup).flatMap(({ attributes }) => attributes.get('href') ?? attributes.get('action') ?? [])
const latest = () => stage.services.db.read.select().from(runs).orderBy(desc(runs.id)).get()
/** The run has ended, some time ago. */
function over(status?: 'succeeded' | 'failed'): void {
  endRun(stage, id, status)
  stage.clock.advance(1_000)
}
const leadsToRun = (answer: Response, kind: string) => {
  expect([answer.status, answer.headers.get('location')]).toEqual([303, `/admin/runs/${latest()?.id}`])
  expect(latest()).toMatchObject({ kind, status: 'queued', tenantId: id })
}

function put(change: Partial<typeof backups.$inferInsert> = {}): string {
  const backup = {
    id: 'bak_one',
    tenantId: id,
    serverId: serverOf(stage.services.db.read, id).id,
    method: 'app',
    reason: 'scheduled',
    status: 'complete',
    sizeBytes: 12_345_678,
    release: 'v42',
    createdAt: stage.clock.now() - 5 * HOUR_MS,
    expiresAt: stage.clock.now() + 100 * HOUR_MS,
    ...change,
  } as const
  stage.services.db.write((tx) => tx.insert(backups).values(backup).run())
  return backup.id
}

describe('a tenant’s backups', () => {
  test('stand on its page with their size and age, and a way to make another', async () => {
    put()
    const text = await page()
    expect(text).toContain('12.3 MB')
    expect(text).toContain('5 h ago')
    expect(text).toContain('Its plan has one every day, kept for 7 days.')
    expect(linksOf(text)).toContain(`/admin/tenants/${id}/backups`)
    expect(linksOf(text)).toContain(`/admin/tenants/${id}/backups/bak_one/restoration`)
  })

  test('are made by a press of a button, of the app or of the disk', async () => {
    leadsToRun(await operator.post(`/admin/tenants/${id}/backups`, { method: 'app' }), 'backup')
    over()
    leadsToRun(await operator.post(`/admin/tenants/${id}/backups`, { method: 'image' }), 'backup')
    const rows = stage.services.db.read.select().from(backups).orderBy(backups.id).all()
    expect(rows.map(({ method, reason }) => `${method} ${reason}`)).toEqual(['app by_hand', 'image by_hand'])
    const nonsense = await operator.post(`/admin/tenants/${id}/backups`, { method: 'tape' })
    expect(nonsense.status).toBe(422)
  })

  test('can be neither made nor restored while something else is being done to it', async () => {
    put()
    await operator.post(`/admin/tenants/${id}/suspension`)
    expect(linksOf(await page()).filter((link) => link.includes('/backups'))).toEqual([])
    const answer = await operator.post(`/admin/tenants/${id}/backups`, { method: 'app' })
    expect(answer.status).toBe(409)
    expect(await answer.text()).toContain('Something else is being done to this tenant.')
  })

  test('say when there is no storage for them', async () => {
    Object.assign(stage.services, { objects: null })
    const text = await page()
    expect(text).toContain('No storage for backups is configured.')
    expect(text).not.toContain('Back up now')
    expect(text).toContain('Make an image of the disk')
  })

  test('of a tenant that is gone are still listed, whatever the catalog has become', async () => {
    put()
    const { catalog, db } = stage.services
    db.sqlite.exec("DROP TRIGGER tenants_transition; UPDATE tenants SET status = 'deleted'")
    const gone = () => {
      throw new Error('It is no more.')
    }
    Object.assign(stage.services, { catalog: { ...catalog, plan: gone, blueprint: gone } })
    expect(await page()).toContain('12.3 MB in all')
  })

  test('have a page of their own when they are many', async () => {
    for (let at = 0; at < 60; at++) put({ id: `bak_${at}`, createdAt: at })
    expect(await page()).toContain('All 60')
    const first = await page('/backups')
    expect(first).toContain('1 to 50 of 60 backups')
    expect(await page('/backups?page=2')).toContain('51 to 60 of 60 backups')
    expect((await operator.get('/admin/tenants/none/backups')).status).toBe(404)
  })

  test('are searched, filtered and sorted in their list', async () => {
    put({ id: 'bak_app', release: 'v41', sizeBytes: 1_000_000, createdAt: 1 })
    put({ id: 'bak_failed', release: 'v43', sizeBytes: null, status: 'failed', error: 'No.', createdAt: 2 })
    put({ id: 'bak_image', release: 'v43', sizeBytes: 2_000_000, method: 'image', createdAt: 3 })
    const sizes = async (query: string) =>
      elementsOf(await page(`/backups?${query}`)).flatMap(({ attributes, text }) =>
        attributes.get('class') === 'from-s number nowrap' ? [text] : [],
      )
    expect(await sizes('')).toEqual(['2.0 MB', '', '1.0 MB'])
    expect(await sizes('sort=made&dir=asc')).toEqual(['1.0 MB', '', '2.0 MB'])
    expect(await sizes('sort=size&dir=asc')).toEqual(['', '1.0 MB', '2.0 MB'])
    expect(await sizes('q=v43')).toEqual(['2.0 MB', ''])
    expect(await sizes('q=bak_app')).toEqual(['1.0 MB'])
    expect(await sizes('method=image')).toEqual(['2.0 MB'])
    expect(await sizes('status=failed')).toEqual([''])
    expect(await page('/backups?q=%25')).toContain('No backup matches')
    expect(linksOf(await page('/backups?q=v4'))).toContain(
      `/admin/tenants/${id}/backups?q=v4&amp;sort=size&amp;dir=asc`,
    )
  })
})

describe('restoring', () => {
  const path = () => `/admin/tenants/${id}/backups/bak_one/restoration`

  test('says how old the backup is and what is lost, asks for the name, then leads to its run', async () => {
    put()
    const text = await (await operator.get(path())).text()
    expect(text).toContain('Everything that was changed in the app since then, 5 h ago')
    expect(text).toContain('12.3 MB')
    const wrong = await operator.post(path(), { confirmation: 'ada' })
    expect(wrong.status).toBe(422)
    expect(await wrong.text()).toContain('Type ada-lovelace to make sure')
    leadsToRun(await operator.post(path(), { confirmation: 'ada-lovelace' }), 'restore')
  })

  test('of a backup that nobody can vouch for says so, and goes on only when that is accepted', async () => {
    put({ adoptedAt: stage.clock.now() })
    expect(await page()).toContain('Unverified: found in the storage')
    expect(await (await operator.get(path())).text()).toContain('This backup is unverified')
    const refused = await operator.post(path(), { confirmation: 'ada-lovelace' })
    expect(refused.status).toBe(422)
    expect(await refused.text()).toContain('Say that you take it all the same')
    const form = { confirmation: 'ada-lovelace', accept_unverified: 'yes' }
    leadsToRun(await operator.post(path(), form), 'restore')
  })

  test('of one whose checksum Atlas has kept asks nothing of the kind', async () => {
    put()
    expect(await page()).not.toContain('Unverified')
    expect(await (await operator.get(path())).text()).not.toContain('unverified')
  })

  test('is refused with the reason on the tenant’s page', async () => {
    put({ status: 'removed' })
    const answer = await operator.get(path())
    expect(answer.status).toBe(409)
    expect(await answer.text()).toContain('This backup is no longer kept.')
  })

  test('of another tenant’s backup finds nothing', async () => {
    const other = await liveTenant(stage, 'grace-hopper')
    put({ tenantId: other })
    expect((await operator.get(path())).status).toBe(404)
    expect((await operator.post(path(), { confirmation: 'ada-lovelace' })).status).toBe(404)
  })
})

describe('moving', () => {
  test('says with which data and for how long, asks for the name, then leads to its run', async () => {
    put()
    const text = await page('/move')
    expect(text).toContain('a new cpx21 in nbg1')
    expect(text).toContain('Visitors get no answer for about 3 minutes')
    expect(text).not.toContain('Everything that was changed')
    expect((await operator.post(`/admin/tenants/${id}/move`, { confirmation: 'x' })).status).toBe(422)
    leadsToRun(await operator.post(`/admin/tenants/${id}/move`, { confirmation: 'ada-lovelace' }), 'move')
  })

  test('to another plan shows its server and price before', async () => {
    expect(linksOf(await page('/move'))).toContain(`/admin/tenants/${id}/move?plan=virtues%2Fpro`)
    const text = await page('/move?plan=virtues/pro')
    expect(text).toContain('a new ccx13 in nbg1')
    expect(text).toMatch(/becomes Pro, \$79 \/month, the difference prorated/)
    expect(text).toContain('Move to Starter instead')
    const form = { confirmation: 'ada-lovelace', plan: 'virtues/pro' }
    leadsToRun(await operator.post(`/admin/tenants/${id}/move`, form), 'move')
    expect(JSON.parse(latest()?.input ?? '')).toMatchObject({ planId: 'virtues/pro', priceId: 'price_pro' })
  })

  test('from a dead server says what is lost with the age of the latest backup', async () => {
    put()
    serverAnswers = false
    const text = await page('/move')
    expect(text).toContain('The old server does not answer')
    expect(text).toContain('Everything that was changed in the app since the backup, made 5 h ago')
    const form = { confirmation: 'ada-lovelace' }
    expect((await operator.post(`/admin/tenants/${id}/move`, form)).status).toBe(409)
    expect(text).toContain('name="accept_older_backup" value="true"')
    const accepted = { ...form, accept_older_backup: 'true' }
    leadsToRun(await operator.post(`/admin/tenants/${id}/move`, accepted), 'move')
    expect(JSON.parse(latest()?.input ?? '')).toMatchObject({ acceptOlderBackup: true })
  })

  test('with a backup that nobody can vouch for goes on only when that is accepted', async () => {
    put({ adoptedAt: stage.clock.now() })
    const path = `/admin/tenants/${id}/move`
    // The data as it is comes along, so the backup does not matter.
    expect(await page('/move')).not.toContain('unverified')
    const ways: Record<string, string>[] = [{ backup: 'bak_one' }, { accept_older_backup: 'true' }]
    for (const form of ways) {
      serverAnswers = 'backup' in form
      expect(await page(`/move?${new URLSearchParams(form)}`)).toContain('This backup is unverified')
      const named = { confirmation: 'ada-lovelace', ...form }
      expect((await operator.post(path, named)).status).toBe(422)
      leadsToRun(await operator.post(path, { ...named, accept_unverified: 'yes' }), 'move')
      over('succeeded')
      stage.services.db.sqlite.run("DELETE FROM servers WHERE role = 'next'")
    }
  })

  test('from a dead server without a backup is refused at once', async () => {
    serverAnswers = false
    for (const answer of [
      await operator.get(`/admin/tenants/${id}/move`),
      await operator.post(`/admin/tenants/${id}/move`, { confirmation: 'ada-lovelace' }),
    ]) {
      expect(answer.status).toBe(409)
      expect(await answer.text()).toContain('there is no backup of the app to move with')
    }
    expect(latest()?.kind).toBe('provision')
  })

  test('with a chosen backup hands it on', async () => {
    put()
    const text = await page('/move?backup=bak_one')
    expect(text).toContain('Everything that was changed in the app since the backup, made 5 h ago')
    expect(text).toContain('value="bak_one"')
    const form = { confirmation: 'ada-lovelace', backup: 'bak_one' }
    leadsToRun(await operator.post(`/admin/tenants/${id}/move`, form), 'move')
    expect(JSON.parse(latest()?.input ?? '')).toMatchObject({ backupId: 'bak_one' })
    expect((await operator.get(`/admin/tenants/${id}/move?backup=bak_none`)).status).toBe(404)
  })
})

describe('rotating secrets', () => {
  test('names those that change and those that stay, then leads to its run', async () => {
    const text = await page('/secret-rotation')
    expect(text).toContain('<code>DATABASE_PASSWORD</code>')
    expect(text).toContain('<code>OWNER_PASSWORD</code>; that stays as it is.')
    leadsToRun(await operator.post(`/admin/tenants/${id}/secret-rotation`), 'rotate-secrets')
  })
})

describe('the API', () => {
  let document: OpenApiDocument
  let exchanges: ApiExchange[]
  beforeEach(async () => {
    document = (await (await stage.browser().get('/api/openapi.json')).json()) as OpenApiDocument
    exchanges = []
  })
  // Whatever is asked here is held to the document.
  afterEach(() => {
    expect(exchanges.length).toBeGreaterThan(0)
    expect(exchanges.flatMap((exchange) => checkExchange(document, exchange))).toEqual([])
  })

  async function ask(method: string, path: string, json?: object, headers: Record<string, string> = {}) {
    const url = `/api/admin/tenant/${path}`
    const authorization = `Bearer ${stage.apiToken().token}`
    const answer = await stage.browser().ask(url, { method, json, headers: { authorization, ...headers } })
    const body = (await answer.json()) as Record<string, unknown>
    exchanges.push({ method, path: url, request: json ?? {}, status: answer.status, answer: body })
    return { status: answer.status, body }
  }

  test('lists backups with size and age, and why one can’t be restored', async () => {
    put()
    put({ id: 'bak_two', method: 'image', serverId: 'srv_other', createdAt: 1 })
    const { status, body } = await ask('GET', `${id}/backups`)
    expect(status).toBe(200)
    const listed = body.backups as { id: string; size_bytes: number; obstacle: string | null }[]
    expect(listed.map((one) => one.id)).toEqual(['bak_one', 'bak_two'])
    expect(listed[0]).toMatchObject({ size_bytes: 12_345_678, obstacle: null })
    expect(listed[1]?.obstacle).toContain('a server that the tenant has left')
    expect(await ask('GET', 'none/backups')).toMatchObject({ status: 404 })
    expect(await ask('GET', `${id}/backups`, undefined, { authorization: '' })).toMatchObject({ status: 401 })
  })

  test('backs up: the app unless it is told otherwise', async () => {
    const { status, body } = await ask('POST', `${id}/backups`)
    const row = stage.services.db.read.select().from(backups).get()
    expect([status, body]).toEqual([202, { run_id: latest()?.id, backup_id: row?.id }])
    expect(await ask('POST', `${id}/backups`, { method: 'app' })).toMatchObject({ status: 409 })
    over()
    expect(await ask('POST', `${id}/backups`, { method: 'image' })).toMatchObject({ status: 202 })
    expect(await ask('POST', `${id}/backups`, { method: 'tape' })).toMatchObject({
      status: 422,
      body: { error: { fields: { method: 'Must be app or image.' } } },
    })
    expect(await ask('POST', 'none/backups', {})).toMatchObject({ status: 404 })
  })

  test('restores', async () => {
    put()
    expect(await ask('POST', `${id}/restoration`, {})).toMatchObject({ status: 422 })
    expect(await ask('POST', `${id}/restoration`, { backup_id: 'bak_none' })).toMatchObject({ status: 404 })
    put({ id: 'bak_found', adoptedAt: stage.clock.now() })
    const found = { backup_id: 'bak_found' }
    expect(await ask('POST', `${id}/restoration`, found)).toMatchObject({ status: 409 })
    expect(await ask('POST', `${id}/move`, found)).toMatchObject({ status: 409 })
    const vague = { ...found, accept_unverified: 'yes' }
    expect(await ask('POST', `${id}/restoration`, vague)).toMatchObject({ status: 422 })
    const accepted = { ...found, accept_unverified: true }
    expect(await ask('POST', `${id}/restoration`, accepted)).toMatchObject({ status: 202 })
    over()
    expect(await ask('POST', `${id}/restoration`, { backup_id: 'bak_one' })).toMatchObject({ status: 202 })
    expect(latest()?.kind).toBe('restore')
    expect(await ask('POST', `${id}/restoration`, { backup_id: 'bak_one' })).toMatchObject({ status: 409 })
  })

  test('moves, to another plan too', async () => {
    put()
    expect(await ask('POST', `${id}/move`, { plan: 'virtues/none' })).toMatchObject({ status: 409 })
    expect(await ask('POST', `${id}/move`, { plan: 'virtues/pro', backup_id: 'bak_one' })).toMatchObject({
      status: 202,
      body: { downtime_minutes: 3 },
    })
    expect(JSON.parse(latest()?.input ?? '')).toMatchObject({
      backupId: 'bak_one',
      planId: 'virtues/pro',
      priceId: 'price_pro',
      formerPriceId: 'price_starter',
    })
    over('failed')
    expect(await ask('POST', `${id}/move`)).toMatchObject({ status: 409 })
  })

  test('moves from a dead server only when the older backup is accepted', async () => {
    put()
    serverAnswers = false
    expect(await ask('POST', `${id}/move`)).toMatchObject({ status: 409 })
    expect(await ask('POST', `${id}/move`, { accept_older_backup: 'yes' })).toMatchObject({ status: 422 })
    expect(await ask('POST', `${id}/move`, { accept_older_backup: true })).toMatchObject({
      status: 202,
      body: { answers: false },
    })
  })

  test('rotates secrets', async () => {
    expect(await ask('POST', `${id}/secret-rotation`)).toMatchObject({ status: 202 })
    expect(latest()?.kind).toBe('rotate-secrets')
    expect(await ask('POST', `${id}/secret-rotation`)).toMatchObject({ status: 409 })
    expect(await ask('POST', 'none/secret-rotation')).toMatchObject({ status: 404 })
  })
})
