import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { eq } from 'drizzle-orm'
import { dueBackups, type Facts, isDue, queueDueBackups, slotOf } from '../../src/backups/due'
import { backUpTenant } from '../../src/backups/recipe'
import { backups, runs, servers, tenants } from '../../src/db/schema'
import type { Objects } from '../../src/providers/objects'
import { plansOf } from '../query-plans'
import { openStage, type Stage } from '../stage'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const NOW = Date.UTC(2026, 10, 22, 12)
const DAILY = { everyHours: 24, retentionDays: 7, imagesEveryDays: 0, cloud: false } as const

const facts = (over: Partial<Facts> = {}): Facts => ({
  tenantId: 'ten_1',
  status: 'active',
  activatedAt: 1,
  isSettled: false,
  lastAt: { app: null, image: null },
  ...over,
})

describe('slots', () => {
  test('are as long as the plan says, and every moment is in one', () => {
    for (const every of [HOUR_MS, 12 * HOUR_MS, DAY_MS]) {
      const begin = slotOf('ten_1/app', every, NOW)
      expect(begin).toBeLessThanOrEqual(NOW)
      expect(NOW - begin).toBeLessThan(every)
      expect(slotOf('ten_1/app', every, begin)).toBe(begin)
      expect(slotOf('ten_1/app', every, begin - 1)).toBe(begin - every)
      expect(slotOf('ten_1/app', every, begin + every)).toBe(begin + every)
    }
  })

  test('begin at moments that spread 10,000 tenants over the day', () => {
    const perHour = new Map<number, number>()
    for (let at = 0; at < 10_000; at++) {
      const hour = Math.floor((slotOf(`ten_${at}/app`, DAY_MS, NOW) % DAY_MS) / HOUR_MS)
      perHour.set(hour, (perHour.get(hour) ?? 0) + 1)
    }
    expect(perHour.size).toBe(24)
    expect(Math.max(...perHour.values())).toBeLessThan(1.25 * (10_000 / 24))
  })
})

describe('a backup is due', () => {
  const slot = slotOf('ten_1/app', DAY_MS, NOW)
  const app = (last: number | null, over: Partial<Facts> = {}) =>
    isDue(facts({ lastAt: { app: last, image: null }, ...over }), 'app', DAILY, NOW)

  test('when none was begun since its slot did, to the millisecond', () => {
    expect(app(slot - 1)).toBe(true)
    expect(app(slot)).toBe(false)
    expect(app(NOW)).toBe(false)
  })

  test('for a new tenant from the first slot on that begins in its life', () => {
    expect(app(null, { activatedAt: slot - 1 })).toBe(true)
    expect(app(null, { activatedAt: slot })).toBe(false)
    expect(app(null, { activatedAt: null })).toBe(true)
  })

  test('for a suspended tenant until its app was copied as it was left', () => {
    expect(app(slot - 1, { status: 'suspended' })).toBe(true)
    expect(app(slot - 1, { status: 'suspended', isSettled: true })).toBe(false)
  })

  test('as an image only where the plan has images, and never of a suspended tenant', () => {
    const weekly = { ...DAILY, imagesEveryDays: 7 }
    expect(isDue(facts(), 'image', DAILY, NOW)).toBe(false)
    expect(isDue(facts(), 'image', weekly, NOW)).toBe(true)
    expect(isDue(facts({ status: 'suspended' }), 'image', weekly, NOW)).toBe(false)
    const begin = slotOf('ten_1/image', 7 * DAY_MS, NOW)
    const last = (image: number) => isDue(facts({ lastAt: { app: null, image } }), 'image', weekly, NOW)
    expect([last(begin - 1), last(begin)]).toEqual([true, false])
  })
})

describe('the schedule’s line', () => {
  let stage: Stage
  beforeEach(() => {
    stage = openStage({ services: { objects: {} as Objects } })
    stage.services.db.sqlite.exec('DROP TRIGGER tenants_transition')
  })
  afterEach(() => stage.close())

  /** A live tenant whose provisioning is long over. */
  async function tenant(name: string, change: Partial<typeof tenants.$inferInsert> = {}): Promise<string> {
    const { tenantId, runId } = await stage.tenant(name, `${name}@example.com`)
    stage.services.db.write((tx) => {
      tx.update(runs).set({ status: 'succeeded' }).where(eq(runs.id, runId)).run()
      tx.update(servers).set({ externalId: name }).where(eq(servers.tenantId, tenantId)).run()
      tx.update(tenants)
        .set({ status: 'active', activatedAt: 1, ...change })
        .where(eq(tenants.id, tenantId))
        .run()
    })
    return tenantId
  }
  const queued = () => stage.services.db.read.select().from(backups).all()
  const due = async () =>
    (await dueBackups(stage.services, stage.clock.now())).map(({ tenantId }) => tenantId)

  test('queues what is due, once', async () => {
    const id = await tenant('ada-one')
    await queueDueBackups(stage.services)
    await queueDueBackups(stage.services)
    expect(queued()).toMatchObject([{ tenantId: id, reason: 'scheduled', method: 'app', status: 'running' }])
    const [run] = stage.services.db.read.select().from(runs).where(eq(runs.kind, 'backup')).all()
    expect(run).toMatchObject({ tenantId: id, status: 'queued' })
  })

  test('has no more than twenty at work, the longest waiting first', async () => {
    const ids: string[] = []
    for (let at = 0; at < 23; at++) ids.push(await tenant(`ada-no${at}`))
    const never = ids.slice(3)
    const once = ids.slice(0, 3).map((tenantId, at) => ({
      id: `bak_old${at}`,
      tenantId,
      method: 'app' as const,
      reason: 'scheduled' as const,
      status: 'complete' as const,
      createdAt: 5 + at,
    }))
    stage.services.db.write((tx) => tx.insert(backups).values(once).run())
    await queueDueBackups(stage.services)
    const running = queued().filter(({ status }) => status === 'running')
    expect(running.map(({ tenantId }) => tenantId).sort()).toEqual(never.sort())
    await queueDueBackups(stage.services)
    expect(queued().filter(({ status }) => status === 'running')).toHaveLength(20)
  })

  test('passes over a tenant to which something else is being done', async () => {
    await stage.tenant('ada-busy', 'busy@example.com')
    stage.services.db.write((tx) => tx.update(tenants).set({ status: 'active', activatedAt: 1 }).run())
    expect(await due()).toEqual([])
  })

  test('keeps a run that stopped half-way the tenant’s latest, so that it can be retried', async () => {
    const id = await tenant('ada-stuck')
    const fail = (kind: string) =>
      stage.services.db.write((tx) => tx.update(runs).set({ kind, status: 'failed' }).run())
    const asked = {
      actor: { id: 'operator' },
      reason: 'by_hand',
      method: 'app',
      nowMs: stage.clock.now(),
    } as const
    for (const kind of ['restore', 'suspend', 'resume']) {
      fail(kind)
      await queueDueBackups(stage.services)
      expect(queued()).toEqual([])
      const byHand = () => stage.services.db.write((tx) => backUpTenant(tx, stage.services, id, asked))
      expect(byHand).toThrow('has stopped half-way. Retry or undo it first; then it can be backed up.')
    }
    fail('deploy')
    await queueDueBackups(stage.services)
    expect(queued()).toMatchObject([{ tenantId: id }])
  })

  test('tries a backup that failed again in the next slot, and not at once', async () => {
    await tenant('ada-down')
    await queueDueBackups(stage.services)
    stage.services.db.write((tx) => {
      tx.update(runs).set({ status: 'failed' }).run()
      tx.update(backups).set({ status: 'failed' }).run()
    })
    expect(await due()).toEqual([])
    stage.clock.advance(DAY_MS)
    expect(await due()).toHaveLength(1)
  })

  test('asks for nothing that can’t be made: no storage, no server', async () => {
    await tenant('ada-bare')
    Object.assign(stage.services, { objects: null })
    expect(await due()).toEqual([])
  })

  test('leaves everybody alone who does not live', async () => {
    for (const status of ['provisioning', 'failed', 'deleting', 'deleted'] as const)
      await tenant(`ada-${status}`, { status })
    expect(await due()).toEqual([])
  })

  test('goes through more tenants than it looks at in one go', async () => {
    const ids: string[] = []
    const { sqlite } = stage.services.db
    const template = await tenant('ada-first')
    for (let at = 0; at < 1_100; at++) {
      const id = `ten_copy${String(at).padStart(5, '0')}`
      ids.push(id)
      sqlite.run(
        `INSERT INTO tenants (id, organization_id, plan_id, blueprint, subdomain, skeleton, release, status, data_key, created_at, activated_at, updated_at)
         SELECT ?1, organization_id, plan_id, blueprint, ?1, ?1, release, status, data_key, created_at, activated_at, updated_at
         FROM tenants WHERE id = ?2`,
        [id, template],
      )
      sqlite.run(
        `INSERT INTO servers (id, tenant_id, role, provider, name, external_id, created_at)
         VALUES (?1, ?1, 'current', 'hetzner', ?1, ?1, 1)`,
        [id],
      )
    }
    expect((await due()).length).toBe(1_101)
    expect(new Set(await due()).size).toBe(1_101)
  })
})

test('the backups at work are counted among what is at work, not among all that ever were', async () => {
  const stage = openStage()
  let queued: Promise<void> | undefined
  const [first] = plansOf(stage.services.db.sqlite, () => {
    queued = queueDueBackups(stage.services)
  })
  await queued
  await stage.close()
  expect(first).toBe('SEARCH runs USING INDEX runs_by_status (status=?)')
})
