import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { eq } from 'drizzle-orm'
import { audit } from '../../src/audit'
import {
  effects,
  findings,
  healthChecks,
  inbox,
  incidents,
  outbox,
  runs,
  tenants,
  users,
} from '../../src/db/schema'
import { newId } from '../../src/ids'
import { parseCursor } from '../../src/timeline/entry'
import { type TimelineFilter, timelineOf } from '../../src/timeline/timeline'
import { openStage, type Stage } from '../stage'

const MINUTE = 60_000
const ALL: TimelineFilter = { kind: '', q: '' }

let stage: Stage
let tenant: typeof tenants.$inferSelect
let runId: string
let start: number

beforeEach(async () => {
  stage = openStage()
  const made = await stage.tenant()
  runId = made.runId
  const row = db().read.select().from(tenants).where(eq(tenants.id, made.tenantId)).get()
  if (!row) throw new Error('no tenant')
  tenant = row
  start = stage.clock.now()
})
afterEach(() => stage.close())

const db = () => stage.services.db
const story = (filter: Partial<TimelineFilter> = {}, size = 100) =>
  timelineOf(db().read, tenant.id, { ...ALL, ...filter }, { before: null, size }).entries

type Effect = typeof effects.$inferInsert

function effect(minute: number, more: Partial<Effect> = {}): void {
  const at = start + minute * MINUTE
  const made = { id: newId('eff', at), subject: tenant.id, runId, step: 'create-server', provider: 'hetzner' }
  const call = { verb: 'ensureServer', key: 'ada-1', summary: '{"name":"ada-1","serverType":"cx33"}' }
  db().write((tx) =>
    tx
      .insert(effects)
      .values({ ...made, ...call, outcome: 'done', requestedAt: at, finishedAt: at + 1, ...more })
      .run(),
  )
}

function event(minute: number, type: string, subject: string, id = `evt_${minute}`): void {
  const at = start + minute * MINUTE
  const row = { source: 'stripe', eventId: id, type, objectId: 'in_1', status: 'processed' as const, subject }
  db().write((tx) =>
    tx
      .insert(inbox)
      .values({ ...row, availableAt: at, occurredAt: at, receivedAt: at })
      .run(),
  )
}

describe('a tenant’s story', () => {
  test('holds what came in, was decided, done, seen, sent and found, and what people did, newest first', () => {
    event(1, 'invoice.payment_failed', tenant.organizationId)
    effect(2)
    db().write((tx) => {
      const detail = { run: runId, because: 'operator' }
      const actor = { id: 'usr_1', ip: '203.0.113.7' }
      tx.insert(users).values({ id: 'usr_1', email: 'founder@example.com', createdAt: 0 }).run()
      audit(tx, start + 3 * MINUTE, { actor, action: 'tenant.suspension_asked', subject: tenant.id, detail })
      const finishedAt = start + 4 * MINUTE
      tx.update(runs)
        .set({ status: 'failed', reason: 'Hetzner is full.', finishedAt })
        .where(eq(runs.id, runId))
        .run()
      const began = start + 5 * MINUTE
      const incident = { id: 'inc_1', tenantId: tenant.id, reason: 'It answers with status 502.' }
      tx.insert(incidents)
        .values({ ...incident, startedAt: began, endedAt: began + MINUTE })
        .run()
      const mail = { id: 'msg_1', kind: 'tenant-down', subject: tenant.id, recipient: 'founder@example.com' }
      tx.insert(outbox)
        .values({
          ...mail,
          idempotencyKey: 'k',
          status: 'sent',
          availableAt: 0,
          createdAt: began + 2 * MINUTE,
        })
        .run()
      const at = start + 8 * MINUTE
      const finding = { id: 'fnd_1', key: 'k', kind: 'server_off', facts: '{"server":"ada-1"}' }
      const seen = { status: 'open' as const, firstSeenAt: at, lastSeenAt: at }
      tx.insert(findings)
        .values({ ...finding, tenantId: tenant.id, ...seen })
        .run()
    })
    const told = story().map(({ at, kind, title }) => `${(at - start) / MINUTE} ${kind}: ${title}`)
    expect(told.slice(0, 8)).toEqual([
      expect.stringMatching(/^8 finding: Drift: ./),
      '7 mail: Mail to founder@example.com: tenant down',
      '6 probe: No longer down',
      '5 probe: Down: two health checks in a row failed',
      '4 decision: Provision: stopped',
      '3 action: Tenant suspension asked',
      '2 effect: Hetzner: ensure server',
      '1 event: Stripe says: invoice payment failed',
    ])
    expect(told.slice(8)).toContain('0 decision: Provision: begun')
    expect(told.slice(8)).toContain('0 action: Signup approved')
  })

  test('says who acted and from where, what Atlas decided by itself, and where to read more', () => {
    db().write((tx) => {
      const { id } = stage.apiToken('ci')
      const at = start + MINUTE
      audit(tx, at, { actor: { id, ip: '198.51.100.4' }, action: 'run.retried', subject: tenant.id })
      const detail = { run: runId }
      audit(tx, at + 1, { actor: { id: 'atlas' }, action: 'tenant.activated', subject: tenant.id, detail })
    })
    expect(story()[0]).toMatchObject({ kind: 'decision', actor: null, link: `/admin/runs/${runId}` })
    expect(story()[1]).toMatchObject({ kind: 'action', actor: 'token ci', ip: '198.51.100.4' })
  })

  test('marks what may have happened outside, what was refused, and what nobody has answered yet', () => {
    effect(1, { outcome: 'unknown', error: 'The answer was lost.' })
    effect(2, { outcome: 'refused', error: 'No more servers of this type.' })
    effect(3, { outcome: 'intended', finishedAt: null })
    const [intended, refused, unknown] = story({ kind: 'effect' })
    expect(unknown).toMatchObject({ title: 'Hetzner: ensure server (outcome unknown)', severity: 'warning' })
    expect(unknown?.detail).toBe('name ada-1, server type cx33. The answer was lost.')
    expect(refused).toMatchObject({ title: 'Hetzner: ensure server (refused)', severity: 'bad' })
    expect(intended?.title).toContain('not answered yet')
    expect(unknown?.link).toContain(`/admin/runs/${runId}#effect-eff_`)
  })

  test('tells of a live run where it stands and why it waits', () => {
    db().write((tx) =>
      tx
        .update(runs)
        .set({ status: 'waiting', step: 'create-server', reason: 'It is in the queue.' })
        .where(eq(runs.id, runId))
        .run(),
    )
    const begun = story().find(({ title }) => title === 'Provision: begun')
    expect(begun?.detail).toBe('It is at “Create the server”. It is in the queue.')
  })

  test('tells of the latest turn of the health checks, unless an incident tells it', () => {
    const state = (changedAt: number, name: 'healthy' | 'failing') => {
      const row = { tenantId: tenant.id, state: name, changedAt, dueAt: 0, reason: 'No answer within 5 s.' }
      db().write((tx) =>
        tx
          .insert(healthChecks)
          .values(row)
          .onConflictDoUpdate({ target: healthChecks.tenantId, set: row })
          .run(),
      )
    }
    state(start + MINUTE, 'failing')
    expect(story({ kind: 'probe' })).toMatchObject([
      { title: 'One health check failed', severity: 'warning' },
    ])
    const incident = { id: 'inc_1', tenantId: tenant.id, reason: 'Down.', startedAt: start + 2 * MINUTE }
    db().write((tx) =>
      tx
        .insert(incidents)
        .values({ ...incident, endedAt: start + 3 * MINUTE })
        .run(),
    )
    state(start + 3 * MINUTE, 'healthy')
    expect(story({ kind: 'probe' }).map(({ title }) => title)).toEqual([
      'No longer down',
      'Down: two health checks in a row failed',
    ])
  })

  test('keeps a finding of a kind that this Atlas knows no more', () => {
    const seen = { status: 'resolved' as const, firstSeenAt: start + MINUTE, lastSeenAt: start + MINUTE }
    const finding = { id: 'fnd_1', key: 'k', kind: 'moon_is_full', facts: '{}', tenantId: tenant.id }
    db().write((tx) =>
      tx
        .insert(findings)
        .values({ ...finding, ...seen, resolvedAt: start + 2 * MINUTE })
        .run(),
    )
    expect(story({ kind: 'finding' }).map(({ title }) => title)).toEqual([
      'Drift settled: Moon is full',
      'Drift: Moon is full',
    ])
  })

  test('is nobody else’s', async () => {
    event(1, 'invoice.paid', 'org_other')
    effect(1, { subject: 'ten_other', runId: null })
    const other = await stage.tenant('grace', 'grace@example.com')
    expect(story().some(({ title, detail }) => `${title} ${detail}`.includes('grace'))).toBe(false)
    expect(story().some(({ link }) => link?.includes(other.runId))).toBe(false)
  })
})

describe('filters', () => {
  test('by kind', () => {
    effect(1)
    event(2, 'invoice.paid', tenant.organizationId)
    expect(story({ kind: 'event' }).map(({ kind }) => kind)).toEqual(['event'])
    expect(new Set(story({ kind: 'action' }).map(({ kind }) => kind))).toEqual(new Set(['action']))
  })

  test('by words, in whatever an entry says, upper or lower case', () => {
    effect(1, { externalId: '4711' })
    effect(2, { error: 'Rate limit reached.', outcome: 'refused' })
    expect(story({ q: 'RATE LIMIT' })).toHaveLength(1)
    expect(story({ q: 'id 4711' })).toHaveLength(1)
    expect(story({ q: '100%_' })).toEqual([])
  })
})

test('what is no cursor is refused', () => {
  for (const text of ['', 'x', '12', '12.', `1.${"'"}`, '99999999999999999.a'])
    expect(() => parseCursor(text)).toThrow('Some fields need another look.')
})
