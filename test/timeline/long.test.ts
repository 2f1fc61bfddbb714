import { Database } from 'bun:sqlite'
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { eq } from 'drizzle-orm'
import { audit } from '../../src/audit'
import { Db } from '../../src/db/open'
import { effects, inbox, runs, tenants } from '../../src/db/schema'
import { newId } from '../../src/ids'
import { parseCursor } from '../../src/timeline/entry'
import { type TimelineFilter, timelineOf } from '../../src/timeline/timeline'
import { openStage, type Stage } from '../stage'

const ALL: TimelineFilter = { kind: '', q: '' }
const MINUTE = 60_000
// Of four entries each, and more for the runs' endings.
const MOMENTS = 2_500
const PARTS = 10

let stage: Stage
let tenant: typeof tenants.$inferSelect
let start: number

describe('a long story', () => {
  beforeAll(async () => {
    stage = openStage()
    const { tenantId } = await stage.tenant()
    const row = db().read.select().from(tenants).where(eq(tenants.id, tenantId)).get()
    if (!row) throw new Error('no tenant')
    tenant = row
    start = stage.clock.now()
    for (let part = 0; part < PARTS; part++) live(part)
  }, 30_000)

  afterAll(() => stage.close())

  const pages = (filter: Partial<TimelineFilter>, size: number, between = () => {}) => {
    const seen: string[] = []
    let before = null
    for (let count = 0; ; count++) {
      const page = timelineOf(db().read, tenant.id, { ...ALL, ...filter }, { before, size })
      seen.push(...page.entries.map(({ id }) => id))
      if (page.next === null) return { seen, count }
      before = parseCursor(page.next)
      between()
    }
  }

  test('is told page by page, each entry once and in order, also while it grows', () => {
    const whole = pages({}, 100_000).seen
    expect(whole.length).toBeGreaterThan(10_000)
    let minute = 100_000
    const { seen } = pages({}, 170, () => effect(start + minute++ * MINUTE))
    expect(seen).toEqual(whole)
  })

  test('of one kind too', () => {
    expect(pages({ kind: 'event' }, 300).seen).toHaveLength(MOMENTS)
  })

  test('is searched a part at a time: a page may be short, and the search goes on behind it', () => {
    effect(start - MINUTE, { externalId: 'needle' })
    const first = timelineOf(db().read, tenant.id, { ...ALL, q: 'needle' }, { before: null, size: 50 })
    expect(first.entries).toEqual([])
    expect(first.next).not.toBeNull()
    const { seen, count } = pages({ q: 'needle' }, 50)
    expect(seen).toHaveLength(1)
    expect(count).toBeLessThan(5)
  })

  test('is never read as a whole: every question to the database uses an index', () => {
    // A connection of its own, because a query is compiled once a connection.
    const sqlite = Database.deserialize(db().sqlite.serialize())
    const asked = new Set<string>()
    const prepare = sqlite.prepare.bind(sqlite)
    sqlite.prepare = ((text: string) => {
      asked.add(text)
      return prepare(text)
    }) as typeof sqlite.prepare
    const middle = { at: start + 400 * MINUTE, id: 'eff_' }
    const { read } = new Db(sqlite)
    for (const before of [null, middle]) timelineOf(read, tenant.id, ALL, { before, size: 50 })
    sqlite.prepare = prepare
    expect(asked.size).toBeGreaterThan(10)
    for (const text of asked) {
      const plan = sqlite
        .query(`EXPLAIN QUERY PLAN ${text}`)
        .all(...Array(20).fill(null).slice(0, holes(text)))
      const steps = (plan as { detail: string }[]).map(({ detail }) => detail)
      expect({ text, steps: steps.filter((step) => /\bSCAN\b|B-TREE FOR ORDER BY/.test(step)) }).toEqual({
        text,
        steps: [],
      })
    }
  })
})

/** A part of a long life; three things of a sort happen at the same moment, as a commit makes them. */
function live(part: number): void {
  const size = MOMENTS / PARTS
  const moments = Array.from({ length: size }, (_, i) => {
    const number = part * size + i
    return { number, at: start + Math.floor(number / 3) * MINUTE }
  })
  const subject = tenant.id
  db().write((tx) => {
    const call = { subject, provider: 'ssh', verb: 'backup', summary: '{}', outcome: 'done' as const }
    tx.insert(effects)
      .values(
        moments.map(({ number, at }) => ({
          ...call,
          key: `k${number}`,
          id: newId('eff', at),
          requestedAt: at,
        })),
      )
      .run()
    const event = { source: 'stripe', type: 'invoice.paid', subject: tenant.organizationId, occurredAt: 0 }
    const row = { ...event, status: 'processed' as const, availableAt: 0 }
    tx.insert(inbox)
      .values(moments.map(({ number, at }) => ({ ...row, eventId: `evt_${number}`, receivedAt: at })))
      .run()
    for (const { at } of moments)
      audit(tx, at, { actor: { id: 'atlas' }, action: 'backup.complete', subject })
    const run = {
      kind: 'backup',
      tenantId: subject,
      input: '{}',
      availableAt: 0,
      status: 'succeeded' as const,
    }
    tx.insert(runs)
      .values(
        moments.map(({ at }) => ({ ...run, id: newId('run', at), createdAt: at, finishedAt: at + 30_000 })),
      )
      .run()
  })
}

const db = () => stage.services.db
const holes = (text: string) => text.split('?').length - 1

function effect(at: number, more: Partial<typeof effects.$inferInsert> = {}): void {
  const about = { subject: tenant.id, provider: 'ssh', verb: 'start', key: 'k', summary: '{}' }
  db().write((tx) =>
    tx
      .insert(effects)
      .values({ ...about, id: newId('eff', at), outcome: 'done', requestedAt: at, ...more })
      .run(),
  )
}
