import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { eq } from 'drizzle-orm'
import { getBackup, keepLastBackups } from '../../src/backups/backup'
import { expiredBackups, keptUntil, removeExpiredBackups } from '../../src/backups/removal'
import { expiryOf } from '../../src/backups/retention'
import { backups, effects, runs, secrets, tenants } from '../../src/db/schema'
import { getTenant } from '../../src/tenants/tenant'
import { DAY_MS, Estate } from '../estate'
import { plansOf } from '../query-plans'
import { openStage } from '../stage'
import { backUp } from './notes'

describe('a backup’s time', () => {
  test.each([7, 30, 90])('is %p whole days, to the millisecond', (days) => {
    const at = Date.UTC(2026, 2, 28, 23, 59, 59, 999)
    expect(expiryOf(at, days) - at).toBe(days * 24 * 60 * 60 * 1_000)
  })

  test('does not follow the clocks of summer: it is counted in UTC', () => {
    const before = Date.UTC(2026, 2, 28, 12)
    expect(new Date(expiryOf(before, 7)).toISOString()).toBe('2026-04-04T12:00:00.000Z')
  })
})

type Row = Partial<typeof backups.$inferInsert> & { id: string }

describe('what is no longer kept', () => {
  const NOW = Date.UTC(2026, 10, 22, 12)
  let stage: ReturnType<typeof openStage>
  let tenantId: string
  beforeEach(async () => {
    stage = openStage()
    ;({ tenantId } = await stage.tenant())
  })
  afterEach(() => stage.close())

  function put(...rows: Row[]): void {
    const usual = {
      tenantId,
      method: 'app',
      reason: 'scheduled',
      status: 'complete',
      createdAt: NOW,
    } as const
    stage.services.db.write((tx) => {
      for (const row of rows)
        tx.insert(backups)
          .values({ ...usual, ...row })
          .run()
    })
  }
  const expired = (nowMs = NOW) => expiredBackups(stage.services.db.read, nowMs, 100).map(({ id }) => id)

  test('is so from the very millisecond at which its time ends', () => {
    put({ id: 'old', expiresAt: NOW, createdAt: 1 }, { id: 'new', expiresAt: NOW + DAY_MS, createdAt: 2 })
    expect(expired(NOW - 1)).toEqual([])
    expect(expired(NOW)).toEqual(['old'])
  })

  test('is never the newest backup of the app of a tenant that lives', () => {
    put({ id: 'a', expiresAt: 1, createdAt: 1 }, { id: 'b', expiresAt: 2, createdAt: 2 })
    put({ id: 'image', method: 'image', expiresAt: 3, createdAt: 3 })
    expect(expired()).toEqual(['a', 'image'])
  })

  test('is not the newest image either, when there is no backup of the app', () => {
    put({ id: 'a', method: 'image', expiresAt: 1, createdAt: 1 })
    put({ id: 'b', method: 'image', expiresAt: 2, createdAt: 2 })
    expect(expired()).toEqual(['a'])
  })

  test('is also the newest, once its tenant is deleted', () => {
    put({ id: 'a', expiresAt: NOW, createdAt: 1 })
    expect(expired()).toEqual([])
    stage.services.db.sqlite.exec('DROP TRIGGER tenants_transition')
    stage.services.db.write((tx) => tx.update(tenants).set({ status: 'deleted' }).run())
    expect(expired()).toEqual(['a'])
  })

  test('is also what a failed one has left behind, and nothing that runs or is gone', () => {
    put({ id: 'failed', status: 'failed', expiresAt: NOW })
    put({ id: 'running', status: 'running' }, { id: 'removed', status: 'removed', expiresAt: 1 })
    expect(expired()).toEqual(['failed'])
  })

  test('is not what a run that lives or may be retried is about, nor what it has made', () => {
    const [run] = stage.services.db.read.select().from(runs).where(eq(runs.tenantId, tenantId)).all()
    put(
      { id: 'named', expiresAt: 1, createdAt: 1 },
      { id: 'made', expiresAt: 2, createdAt: 2, runId: run?.id },
    )
    put({ id: 'other', expiresAt: 3, createdAt: 3 }, { id: 'new', expiresAt: NOW + 1, createdAt: 4 })
    const become = (status: 'failed' | 'succeeded') =>
      stage.services.db.write((tx) => tx.update(runs).set({ status, input: '{"backupId":"named"}' }).run())
    become('failed')
    expect(expired()).toEqual(['other'])
    become('succeeded')
    expect(expired()).toEqual(['named', 'made', 'other'])
  })

  test('is counted from the deletion on for the last copies of a tenant', () => {
    put({ id: 'older', expiresAt: NOW - 2, createdAt: 1 }, { id: 'last', expiresAt: NOW - 1, createdAt: 2 })
    put({ id: 'image', method: 'image', reason: 'before_deletion', expiresAt: NOW - 1, createdAt: 2 })
    stage.services.db.sqlite.exec('DROP TRIGGER tenants_transition')
    stage.services.db.write((tx) => {
      keepLastBackups(tx, stage.services, getTenant(tx, tenantId), NOW)
      tx.update(tenants).set({ status: 'deleted' }).run()
    })
    expect(expired()).toEqual(['older'])
    expect(expired(NOW + 365 * DAY_MS)).toEqual(['older', 'last', 'image'])
  })

  test('is told of each tenant by itself, also where it is one column of many', async () => {
    const other = (await stage.tenant('grace', 'grace@example.com')).tenantId
    put({ id: 'a', expiresAt: 1, createdAt: 1 }, { id: 'b', expiresAt: 2, createdAt: 2 })
    put({ id: 'c', tenantId: other, expiresAt: 3, createdAt: 3 })
    const columns = { id: backups.id, until: keptUntil() }
    expect(stage.services.db.read.select(columns).from(backups).orderBy(backups.id).all()).toEqual([
      { id: 'a', until: 1 },
      { id: 'b', until: null },
      { id: 'c', until: null },
    ])
  })

  test('is found by the moment at which it ends, not by going through every backup that ever was', () => {
    const [first] = plansOf(stage.services.db.sqlite, () => expired())
    expect(first).toBe('SEARCH backups USING INDEX backups_due_for_removal (expires_at<?)')
  })

  test('is told the longest overdue first, and no more than asked for', () => {
    for (let at = 1; at <= 5; at++) put({ id: `b${at}`, expiresAt: 10 - at, createdAt: at })
    put({ id: 'new', expiresAt: NOW + 1, createdAt: 9 })
    expect(expiredBackups(stage.services.db.read, NOW, 2).map(({ id }) => id)).toEqual(['b5', 'b4'])
  })
})

describe('removing', () => {
  let estate: Estate
  beforeEach(async () => {
    estate = await Estate.open()
  })
  afterEach(() => estate.close())

  const sweep = () => removeExpiredBackups(estate.services)
  const status = (id: string) => getBackup(estate.db.read, id).status
  const age = (id: string) =>
    estate.db.write((tx) => tx.update(backups).set({ expiresAt: 1 }).where(eq(backups.id, id)).run())
  const stored = () => estate.clouds.s3.stored().map(({ key }) => key)

  test('takes the object, keeps the row as history, and stands in the ledger', async () => {
    const old = await backUp(estate)
    const young = await backUp(estate)
    age(old)
    await sweep()
    expect(stored()).toEqual([expect.stringContaining(young)])
    expect(getBackup(estate.db.read, old)).toMatchObject({ status: 'removed' })
    expect(getBackup(estate.db.read, old).removedAt).toBeGreaterThan(0)
    const [effect] = estate.db.read.select().from(effects).where(eq(effects.verb, 'deleteObject')).all()
    expect(effect).toMatchObject({ provider: 's3', outcome: 'done', subject: estate.tenant.id })
  })

  test('takes images by their label, also one whose id nobody has heard', async () => {
    const old = await backUp(estate, 'image')
    await backUp(estate)
    estate.db.write((tx) =>
      tx
        .update(backups)
        .set({ imageId: null, status: 'failed', expiresAt: 1 })
        .where(eq(backups.id, old))
        .run(),
    )
    await sweep()
    expect((await estate.holdings()).images).toBe(0)
    expect(status(old)).toBe('removed')
  })

  test('waits for a storage that can’t be reached, and is done later', async () => {
    const old = await backUp(estate)
    await backUp(estate)
    age(old)
    estate.fault('s3', 'DeleteObject', 'refuse', { code: 'SlowDown' })
    await sweep()
    expect(status(old)).toBe('complete')
    await sweep()
    expect(status(old)).toBe('removed')
  })

  test('is harmless when a lost reply has it done twice', async () => {
    const old = await backUp(estate)
    await backUp(estate)
    age(old)
    estate.fault('s3', 'DeleteObject', 'lose_reply')
    await sweep()
    await sweep()
    expect(status(old)).toBe('removed')
    expect(stored()).toHaveLength(1)
  })

  test('leaves what is stored alone while no storage is configured', async () => {
    const old = await backUp(estate)
    await backUp(estate)
    age(old)
    Object.assign(estate.services, { objects: null })
    await removeExpiredBackups(estate.services)
    expect(status(old)).toBe('complete')
  })

  test('of images goes on however many copies can’t be removed', async () => {
    await backUp(estate)
    const image = await backUp(estate, 'image')
    age(image)
    const usual = {
      tenantId: estate.tenant.id,
      method: 'app',
      reason: 'scheduled',
      status: 'complete',
    } as const
    estate.db.write((tx) => {
      for (let at = 0; at < 200; at++)
        tx.insert(backups)
          .values({ ...usual, id: `bak_stuck${at}`, createdAt: at, expiresAt: 0 })
          .run()
    })
    Object.assign(estate.services, { objects: null })
    await sweep()
    expect(status('bak_stuck0')).toBe('complete')
    expect(status(image)).toBe('removed')
  })

  test('of the last backup of a deleted tenant forgets its key', async () => {
    const first = await backUp(estate)
    const second = await backUp(estate)
    estate.db.sqlite.exec('DROP TRIGGER tenants_transition')
    estate.db.write((tx) => tx.update(tenants).set({ status: 'deleted' }).run())
    const keys = () =>
      estate.db.read.select().from(secrets).where(eq(secrets.name, 'backup-key')).all().length
    age(first)
    await sweep()
    expect(keys()).toBe(1)
    age(second)
    await sweep()
    expect(keys()).toBe(0)
    expect(stored()).toEqual([])
  })

  test('gives up what a run that is over has begun and not finished', async () => {
    const half = await backUp(estate)
    const set = (change: Partial<typeof runs.$inferInsert>) =>
      estate.db.write((tx) => tx.update(runs).set(change).where(eq(runs.id, estate.run.id)).run())
    const reopen = () =>
      estate.db.write((tx) =>
        tx.update(backups).set({ status: 'running', expiresAt: null }).where(eq(backups.id, half)).run(),
      )
    reopen()
    // For a day somebody may retry it.
    set({ status: 'failed', finishedAt: estate.clock.now() - DAY_MS + 60_000 })
    await sweep()
    expect(status(half)).toBe('running')
    set({ status: 'failed', finishedAt: estate.clock.now() - DAY_MS })
    await sweep()
    expect(status(half)).toBe('failed')
    reopen()
    set({ status: 'cancelled' })
    await sweep()
    expect(status(half)).toBe('failed')
  })
})
