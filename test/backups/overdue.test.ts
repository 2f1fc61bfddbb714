import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { eq } from 'drizzle-orm'
import { overdueBackups, watchBackups } from '../../src/backups/overdue'
import { auditEvents, backups, outbox, runs, servers, tenants } from '../../src/db/schema'
import type { Objects } from '../../src/providers/objects'
import { openStage, type Stage } from '../stage'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

let stage: Stage
beforeEach(() => {
  stage = openStage({ services: { objects: {} as Objects } })
  stage.services.db.sqlite.exec('DROP TRIGGER tenants_transition')
})
afterEach(() => stage.close())

const now = () => stage.clock.now()
const db = () => stage.services.db

/** A tenant that has lived for so long; its plan has a backup a day. */
async function tenant(name: string, livesMs: number, change: Partial<typeof tenants.$inferInsert> = {}) {
  const { tenantId, runId } = await stage.tenant(name, `${name}@example.com`)
  db().write((tx) => {
    tx.update(runs).set({ status: 'succeeded' }).where(eq(runs.id, runId)).run()
    tx.update(servers).set({ externalId: name }).where(eq(servers.tenantId, tenantId)).run()
    const facts = { status: 'active' as const, activatedAt: now() - livesMs, ...change }
    tx.update(tenants).set(facts).where(eq(tenants.id, tenantId)).run()
  })
  return tenantId
}

function backup(tenantId: string, agoMs: number, change: Partial<typeof backups.$inferInsert> = {}): void {
  const createdAt = now() - agoMs
  const row = { tenantId, method: 'app', reason: 'scheduled', status: 'complete', createdAt } as const
  const id = `bak_${tenantId}_${createdAt}`
  db().write((tx) =>
    tx
      .insert(backups)
      .values({ ...row, id, completedAt: createdAt, ...change })
      .run(),
  )
}

const mails = () =>
  db().read.select().from(outbox).where(eq(outbox.recipient, stage.services.settings.adminEmail)).all()
const kinds = () =>
  mails()
    .map(({ kind }) => kind)
    .filter((kind) => kind.startsWith('backups-'))
const overdue = () => overdueBackups(stage.services, 5).rows.map(({ subdomain }) => subdomain)
const watch = () => watchBackups(stage.services)

describe('a tenant is overdue', () => {
  test('when its newest backup is older than twice what its plan says, to the millisecond', async () => {
    backup(await tenant('on-time', 9 * DAY_MS), 2 * DAY_MS)
    backup(await tenant('too-late', 9 * DAY_MS), 2 * DAY_MS + 1)
    await tenant('young', 2 * DAY_MS)
    await tenant('never', 2 * DAY_MS + 1)
    await watch()
    expect(overdue().sort()).toEqual(['never', 'too-late'])
  })

  test('also when there are others than complete ones of the app', async () => {
    const id = await tenant('only-others', 9 * DAY_MS)
    backup(id, 1, { method: 'image' })
    backup(id, 2, { status: 'failed', error: 'A dump failed. The log says why.' })
    await watch()
    expect(overdueBackups(stage.services, 5)).toMatchObject({
      total: 1,
      rows: [{ subdomain: 'only-others', latestAt: null, reason: 'A dump failed. The log says why.' }],
    })
  })

  test('and the reason is told that is known best', async () => {
    await tenant('nothing-known', 9 * DAY_MS)
    const stuck = await tenant('half-way', 9 * DAY_MS)
    const change = { kind: 'restore', status: 'failed' } as const
    db().write((tx) => tx.update(runs).set(change).where(eq(runs.tenantId, stuck)).run())
    await watch()
    const reasons = () =>
      Object.fromEntries(overdueBackups(stage.services, 5).rows.map((row) => [row.subdomain, row.reason]))
    expect(reasons()).toEqual({
      'nothing-known': 'None was begun in time.',
      'half-way': 'Its latest run has stopped half-way and waits for somebody to retry or undo it.',
    })
    Object.assign(stage.services, { objects: null })
    expect(reasons()['half-way']).toContain('No storage for backups is configured.')
  })

  test('not when it is suspended and was copied since, nor just after it came back', async () => {
    const suspended = { status: 'suspended', suspendedAt: now() - 6 * DAY_MS } as const
    backup(await tenant('at-rest', 9 * DAY_MS, suspended), 5 * DAY_MS)
    backup(await tenant('not-copied', 9 * DAY_MS, suspended), 7 * DAY_MS)
    const back = await tenant('just-back', 9 * DAY_MS)
    backup(back, 7 * DAY_MS)
    const resumption = { kind: 'resume', finishedAt: now() - HOUR_MS }
    db().write((tx) => tx.update(runs).set(resumption).where(eq(runs.tenantId, back)).run())
    await watch()
    expect(overdue()).toEqual(['not-copied'])
  })

  test('not when its plan or its blueprint has no backups, or it is on its way out', async () => {
    await tenant('leaving', 9 * DAY_MS, { status: 'deleting', deleteAt: now() + DAY_MS })
    await tenant('unwanted', 9 * DAY_MS)
    const { catalog } = stage.services
    const blueprint = () => ({ ...catalog.blueprint('virtues'), backup: null })
    Object.assign(stage.services, { catalog: { ...catalog, blueprint } })
    await watch()
    expect(overdue()).toEqual([])
  })
})

describe('the operator', () => {
  test('is told once of each, all in one mail, and once more when there is a backup again', async () => {
    const ids = [await tenant('first', 9 * DAY_MS), await tenant('second', 9 * DAY_MS)]
    await watch()
    await watch()
    expect(kinds()).toEqual(['backups-overdue'])
    await tenant('third', 9 * DAY_MS)
    stage.clock.advance(HOUR_MS)
    await watch()
    expect(kinds()).toEqual(['backups-overdue', 'backups-overdue'])
    stage.clock.advance(HOUR_MS)
    for (const id of ids) backup(id, 0)
    expect(overdue()).toEqual(['third'])
    await watch()
    await watch()
    expect(kinds()).toEqual(['backups-overdue', 'backups-overdue', 'backups-again'])
    const told = db()
      .read.select()
      .from(auditEvents)
      .all()
      .map(({ action }) => action)
    expect(told.filter((action) => action === 'backup.overdue')).toHaveLength(3)
    expect(told.filter((action) => action === 'backup.no_longer_overdue')).toHaveLength(2)
  })

  test('is told of the next time too, and never that one is well that is gone', async () => {
    const id = await tenant('again', 9 * DAY_MS)
    await watch()
    backup(id, 0)
    await watch()
    stage.clock.advance(3 * DAY_MS)
    await watch()
    db().write((tx) =>
      tx.update(tenants).set({ status: 'deleted', deletedAt: now() }).where(eq(tenants.id, id)).run(),
    )
    await watch()
    expect(kinds()).toEqual(['backups-overdue', 'backups-again', 'backups-overdue'])
    expect(overdue()).toEqual([])
  })

  test('sees on the overview some of them and how many more', async () => {
    for (let at = 0; at < 7; at++) await tenant(`late-${at}`, 9 * DAY_MS)
    await watch()
    const operator = await stage.operator()
    const page = await (await operator.get('/admin')).text()
    expect(page.match(/late-\d has no fresh backup<\/strong>/g)).toHaveLength(5)
    expect(page).toContain('2 more tenants have no fresh backup')
  })

  test('sees it on the tenant’s page too, until there is a fresh one', async () => {
    const id = await tenant('late', 9 * DAY_MS)
    const operator = await stage.operator()
    const read = async () => (await operator.get(`/admin/tenants/${id}`)).text()
    expect(await read()).not.toContain('Its backups are overdue')
    await watch()
    expect(await read()).toContain('Its backups are overdue')
    stage.clock.advance(HOUR_MS)
    backup(id, 0)
    expect(await read()).not.toContain('Its backups are overdue')
  })
})
