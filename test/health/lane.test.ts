import { afterEach, describe, expect, test } from 'bun:test'
import { eq } from 'drizzle-orm'
import { healthChecks, runs, tenants } from '../../src/db/schema'
import { CHECK_EVERY_MS, nextTurn } from '../../src/health/check'
import { newId } from '../../src/ids'
import { Clinic, REFUSED } from './clinic'

let clinic: Clinic
const open = async (size: number) => {
  clinic = await Clinic.open(size)
}
afterEach(() => clinic.close())

const MINUTE = 60_000

/** A run of some kind that holds a tenant from now on. */
function hold(name: string): string {
  const id = newId('run', clinic.clock.now())
  const at = clinic.clock.now()
  const run = { id, kind: 'test', tenantId: `ten_${name}`, input: '{}', availableAt: at + 1e9, createdAt: at }
  clinic.db.write((tx) =>
    tx
      .insert(runs)
      .values({ ...run, status: 'waiting' })
      .run(),
  )
  return id
}

function finish(runId: string): void {
  const finishedAt = clinic.clock.now()
  clinic.db.write((tx) =>
    tx.update(runs).set({ status: 'succeeded', finishedAt }).where(eq(runs.id, runId)).run(),
  )
}

describe('every active tenant', () => {
  test('is asked once in five minutes, over its own name and at its own server’s address', async () => {
    await open(7)
    await clinic.pass(5)
    expect(clinic.asked.map(({ name }) => name).sort()).toEqual(['t0', 't1', 't2', 't3', 't4', 't5', 't6'])
    expect(clinic.asked[0]?.request).toEqual({
      url: `https://${clinic.asked[0]?.name}.sites.example.net/health`,
      address: '203.0.113.9',
      timeoutMs: 5_000,
    })
    await clinic.pass(10)
    expect(clinic.asked).toHaveLength(21)
  })

  test('has its own moment of the interval, so that no minute has much more than its share', async () => {
    await open(600)
    await clinic.pass(10)
    clinic.asked.length = 0
    await clinic.pass(5)
    const perMinute = Map.groupBy(clinic.asked, ({ atMs }) => Math.floor(atMs / MINUTE))
    const most = Math.max(...[...perMinute.values()].map((asked) => asked.length))
    expect(clinic.asked).toHaveLength(600)
    expect(most).toBeLessThan(160)
    for (const { name } of clinic.asked)
      expect(nextTurn(`ten_${name}`, clinic.clock.now() + 1_000)).toBe(clinic.check(name)?.dueAt ?? 0)
  })

  test('that appears later is asked within six minutes', async () => {
    await open(0)
    await clinic.pass(2)
    clinic.admit('late')
    await clinic.pass(6)
    expect(clinic.check('late')).toMatchObject({ state: 'healthy', failures: 0, status: 200, tookMs: 12 })
  })

  test('is asked with at most fifty others at a time', async () => {
    await open(400)
    await clinic.pass(5)
    clinic.asked.length = 0
    clinic.db.write((tx) => tx.update(healthChecks).set({ dueAt: clinic.clock.now() }).run())
    clinic.beforeAnswer = () => Bun.sleep(1)
    await clinic.settled()
    expect(clinic.asked).toHaveLength(400)
    expect(clinic.mostAtOnce).toBe(50)
  })
})

describe('after a stop', () => {
  test('overdue checks are spread over the interval again, each at its own moment', async () => {
    await open(300)
    await clinic.pass(5)
    await clinic.stop()
    clinic.clock.advance(3 * 3_600_000 + 17_000)
    clinic.asked.length = 0
    clinic.restart()
    await clinic.settled()
    expect(clinic.asked.length).toBeLessThan(10)
    await clinic.pass(2.5)
    expect(clinic.asked.length).toBeGreaterThan(100)
    expect(clinic.asked.length).toBeLessThan(200)
    await clinic.pass(2.5)
    expect(new Set(clinic.asked.map(({ name }) => name)).size).toBe(300)
  })
})

describe('a tenant', () => {
  test('that a live run holds is not asked, and its turn moves on', async () => {
    await open(1)
    await clinic.pass(5)
    clinic.ill.set('t0', REFUSED)
    const run = hold('t0')
    await clinic.pass(20)
    expect(clinic.asked).toHaveLength(1)
    expect(clinic.check('t0')).toMatchObject({ state: 'healthy', failures: 0 })
    finish(run)
    clinic.ill.clear()
    await clinic.pass(5)
    expect(clinic.asked).toHaveLength(2)
  })

  test('is not judged by an answer during which something began to be done to it', async () => {
    await open(1)
    clinic.ill.set('t0', REFUSED)
    clinic.beforeAnswer = () => void hold('t0')
    await clinic.pass(5)
    expect(clinic.asked).toHaveLength(1)
    expect(clinic.check('t0')).toMatchObject({ state: 'unknown', failures: 0 })
  })

  test('that is suspended is asked no more; its incident ends and no mail says that it is well', async () => {
    await open(1)
    clinic.ill.set('t0', REFUSED)
    await clinic.pass(10)
    expect(clinic.incidents()).toMatchObject([{ endedAt: null }])
    const before = clinic.mails()
    clinic.db.write((tx) =>
      tx.update(tenants).set({ status: 'suspended' }).where(eq(tenants.id, 'ten_t0')).run(),
    )
    await clinic.pass(5)
    expect(clinic.check('t0')).toBeUndefined()
    expect(clinic.incidents()[0]?.endedAt).toBeGreaterThan(0)
    expect(clinic.mails()).toEqual(before)
    await clinic.pass(10)
    expect(clinic.asked).toHaveLength(2)
  })

  test('whose check breaks inside Atlas stops no other', async () => {
    await open(5)
    clinic.beforeAnswer = (name) => {
      if (name === 't2') throw new Error('a bug')
    }
    await clinic.pass(5)
    expect(clinic.check('t2')).toMatchObject({ state: 'failing' })
    expect(clinic.check('t3')).toMatchObject({ state: 'healthy' })
    expect(clinic.stage.lines.join()).toContain('a bug')
  })
})

describe('what a sweep writes', () => {
  test('is not told to pages and workers while nothing turns', async () => {
    await open(50)
    await clinic.pass(5)
    const before = clinic.commits
    const checkedAt = clinic.check('t7')?.checkedAt ?? 0
    await clinic.pass(10)
    expect(clinic.commits).toBe(before)
    expect(clinic.check('t7')?.checkedAt).toBe(checkedAt + 2 * CHECK_EVERY_MS)
    clinic.ill.set('t7', REFUSED)
    await clinic.pass(5)
    expect(clinic.commits).toBe(before + 1)
  })

  test('is about one commit a second, however large the fleet', async () => {
    await open(2_000)
    await clinic.pass(5)
    let transactions = 0
    const { db } = clinic
    const write = db.writeQuietly.bind(db)
    db.writeQuietly = (work) => {
      transactions++
      return write(work)
    }
    clinic.asked.length = 0
    await clinic.pass(5)
    expect(clinic.asked.length).toBeGreaterThan(1_980)
    expect(transactions).toBeLessThan(150)
  })
})
