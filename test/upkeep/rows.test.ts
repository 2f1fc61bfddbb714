import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import {
  auditEvents,
  effects,
  findings,
  inbox,
  incidents,
  outbox,
  reconciliations,
  signups,
  subscriptions,
  tenants,
} from '../../src/db/schema'
import { ROUTINE_KEPT_MS, STORY_KEPT_MS } from '../../src/upkeep/kept'
import { sweep } from '../../src/upkeep/sweep'
import { Scene, YEAR_MS } from './scene'

let scene: Scene
beforeEach(async () => {
  scene = await Scene.open()
})
afterEach(async () => expect(await scene.close()).toEqual([]))

describe('a call without a run', () => {
  beforeEach(() => scene.db.sqlite.exec('DELETE FROM effects'))

  test('is forgotten after 30 days when its outcome is known', async () => {
    scene.call('eff_old', scene.ago(ROUTINE_KEPT_MS))
    scene.call('eff_refused', scene.ago(YEAR_MS), { outcome: 'refused' })
    scene.call('eff_young', scene.ago(ROUTINE_KEPT_MS - 1))
    await sweep(scene.services)
    expect(scene.ids(effects)).toEqual(['eff_young'])
  })

  test('stays while nobody knows whether it was made', async () => {
    scene.call('eff_intended', scene.ago(YEAR_MS), { outcome: 'intended' })
    scene.call('eff_unknown', scene.ago(YEAR_MS), { outcome: 'unknown', key: 'other' })
    scene.call('eff_refused', scene.ago(YEAR_MS - 1), { outcome: 'refused', key: 'other' })
    await sweep(scene.services)
    expect(scene.ids(effects)).toEqual(['eff_intended', 'eff_unknown'])
  })

  test('goes once the same call went well', async () => {
    scene.call('eff_unknown', scene.ago(YEAR_MS), { outcome: 'unknown' })
    scene.call('eff_done', scene.ago(YEAR_MS - 1))
    await sweep(scene.services)
    expect(scene.ids(effects)).toEqual([])
  })
})

describe('an event', () => {
  const event = (eventId: string, receivedAt: number, change: Partial<typeof inbox.$inferInsert> = {}) =>
    scene.add(inbox, {
      source: 'stripe',
      eventId,
      type: 'invoice.paid',
      status: 'processed',
      availableAt: receivedAt,
      occurredAt: receivedAt,
      receivedAt,
      ...change,
    })
  const kept = () =>
    scene.db.read
      .select()
      .from(inbox)
      .all()
      .map(({ eventId }) => eventId)

  test('is forgotten after 90 days', async () => {
    event('evt_old', scene.ago(STORY_KEPT_MS))
    event('evt_ignored', scene.ago(YEAR_MS), { status: 'ignored' })
    event('evt_young', scene.ago(STORY_KEPT_MS - 1))
    event('delivery', scene.ago(YEAR_MS), { source: 'github', type: 'delivery' })
    await sweep(scene.services)
    expect(kept()).toEqual(['evt_young'])
  })

  test('stays while it waits, or has failed: a payment may be behind it', async () => {
    event('evt_failed', scene.ago(YEAR_MS), { status: 'failed' })
    event('evt_received', scene.ago(YEAR_MS), { status: 'received' })
    await sweep(scene.services)
    expect(kept()).toEqual(['evt_failed', 'evt_received'])
  })

  test('a push stays, so that a copy of it rolls nothing out', async () => {
    event('digest-virtues', scene.ago(YEAR_MS), { source: 'github', type: 'push' })
    event('digest-other', scene.ago(YEAR_MS), { source: 'github', type: 'push', status: 'ignored' })
    await sweep(scene.services)
    expect(kept()).toEqual(['digest-other', 'digest-virtues'])
  })
})

describe('a mail', () => {
  beforeEach(() => scene.db.sqlite.exec('DELETE FROM outbox'))
  const mail = (id: string, at: number, change: Partial<typeof outbox.$inferInsert> = {}) =>
    scene.add(outbox, {
      id,
      kind: 'welcome',
      subject: scene.tenantId,
      recipient: 'ada@example.com',
      idempotencyKey: id,
      status: 'sent',
      availableAt: at,
      createdAt: at,
      sentAt: at,
      ...change,
    })

  test('that was sent is forgotten after 90 days, one that failed after a year, one that waits never', async () => {
    mail('msg_old', scene.ago(STORY_KEPT_MS))
    mail('msg_young', scene.ago(STORY_KEPT_MS - 1))
    mail('msg_failed_old', scene.ago(YEAR_MS), { status: 'failed', sentAt: null })
    mail('msg_failed_young', scene.ago(YEAR_MS - 1), { status: 'failed', sentAt: null })
    mail('msg_queued', scene.ago(2 * YEAR_MS), { status: 'queued', sentAt: null })
    await sweep(scene.services)
    expect(scene.ids(outbox).sort()).toEqual(['msg_failed_young', 'msg_queued', 'msg_young'])
  })

  test('of a spell without payment stays while that lasts, because it is written once', async () => {
    const { organizationId = '', planId = '' } = scene.db.read.select().from(tenants).get() ?? {}
    scene.db.sqlite.exec('DELETE FROM subscriptions')
    const times = { currentPeriodEnd: 0, createdAt: 0, updatedAt: 0 }
    const terms = {
      stripeId: 'sub_1',
      status: 'past_due',
      priceId: 'price_1',
      planId,
      cancelAtPeriodEnd: false,
    }
    scene.add(subscriptions, { id: 'sub_1', organizationId, ...terms, ...times, unpaidSince: 1 })
    mail('msg_unpaid', scene.ago(YEAR_MS), { kind: 'unpaid-notice', subject: organizationId })
    await sweep(scene.services)
    expect(scene.ids(outbox)).toEqual(['msg_unpaid'])
    scene.db.sqlite.exec('UPDATE subscriptions SET unpaid_since = NULL')
    await sweep(scene.services)
    expect(scene.ids(outbox)).toEqual([])
  })
})

test('a finding is forgotten 90 days after it was resolved; an open or ignored one stays', async () => {
  scene.finding('fnd_old', { status: 'resolved', resolvedAt: scene.ago(STORY_KEPT_MS) })
  scene.finding('fnd_young', { status: 'resolved', resolvedAt: scene.ago(STORY_KEPT_MS - 1) })
  scene.finding('fnd_open', {})
  scene.finding('fnd_ignored', { status: 'ignored' })
  await sweep(scene.services)
  expect(scene.ids(findings).sort()).toEqual(['fnd_ignored', 'fnd_open', 'fnd_young'])
})

test('a look is forgotten after 30 days, but not the last complete one nor one that is under way', async () => {
  const look = (id: string, startedAt: number, status: 'complete' | 'failed' | 'running' = 'complete') =>
    scene.add(reconciliations, { id, startedAt, status })
  look('rcn_older', scene.ago(YEAR_MS + 1))
  look('rcn_complete', scene.ago(YEAR_MS))
  look('rcn_failed', scene.ago(ROUTINE_KEPT_MS), 'failed')
  look('rcn_young', scene.ago(ROUTINE_KEPT_MS - 1), 'failed')
  look('rcn_running', scene.ago(YEAR_MS), 'running')
  await sweep(scene.services)
  expect(scene.ids(reconciliations).sort()).toEqual(['rcn_complete', 'rcn_running', 'rcn_young'])
})

test('an incident is forgotten 90 days after its end, unless others of its outage last', async () => {
  const incident = (id: string, endedAt: number | null, outage: string | null = null) =>
    scene.add(incidents, {
      id,
      tenantId: scene.tenantId,
      reason: 'No answer.',
      startedAt: 0,
      endedAt,
      outage,
    })
  incident('inc_old', scene.ago(STORY_KEPT_MS))
  incident('inc_young', scene.ago(STORY_KEPT_MS - 1))
  incident('inc_of_many', scene.ago(YEAR_MS), 'inc_of_many')
  incident('inc_open', null, 'inc_of_many')
  await sweep(scene.services)
  expect(scene.ids(incidents).sort()).toEqual(['inc_of_many', 'inc_open', 'inc_young'])
})

test('a signup that came to nothing is forgotten after 90 days', async () => {
  const { planId = '' } = scene.db.read.select().from(tenants).get() ?? {}
  const before = scene.ids(signups)
  const signup = (id: string, createdAt: number, status: 'expired' | 'failed' = 'expired') =>
    scene.add(signups, {
      id,
      status,
      subdomain: id,
      skeleton: id,
      email: 'a@b.c',
      planId,
      createdAt,
      updatedAt: createdAt,
    })
  signup('sig_old', scene.ago(STORY_KEPT_MS))
  signup('sig_young', scene.ago(STORY_KEPT_MS - 1))
  signup('sig_failed', scene.ago(YEAR_MS), 'failed')
  await sweep(scene.services)
  expect(scene.ids(signups).sort()).toEqual([...before, 'sig_failed', 'sig_young'].sort())
})

test('what people and Atlas did is never forgotten', async () => {
  const before = scene.ids(auditEvents)
  expect(before).not.toEqual([])
  scene.db.sqlite.exec('UPDATE audit_events SET at = 0')
  await sweep(scene.services)
  expect(scene.ids(auditEvents)).toEqual(before)
})
