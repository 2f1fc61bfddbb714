import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { eq } from 'drizzle-orm'
import type { SQLiteTable } from 'drizzle-orm/sqlite-core'
import { nextTurn } from '../../src/clock'
import {
  auditEvents,
  backups,
  effects,
  findings,
  inbox,
  incidents,
  outbox,
  reconciliations,
  releases,
  rollouts,
  rolloutTargets,
  runLogs,
  runs,
  signups,
  steps,
  subscriptions,
  tenants,
} from '../../src/db/schema'
import { latestRun } from '../../src/runs/run'
import { ROUTINE_KEPT_MS, STORY_KEPT_MS } from '../../src/upkeep/kept'
import { sweep } from '../../src/upkeep/sweep'
import { openStage, type Stage } from '../stage'

const DAY_MS = 86_400_000
const YEAR_MS = 365 * DAY_MS

let stage: Stage
let tenantId: string
beforeEach(async () => {
  stage = openStage()
  ;({ tenantId } = await stage.tenant())
  stage.services.db.sqlite.exec("UPDATE runs SET created_at = 0, finished_at = 1, status = 'succeeded'")
})
afterEach(async () => {
  expect(stage.services.db.sqlite.query('PRAGMA foreign_key_check').all()).toEqual([])
  await stage.close()
})

const ago = (ms: number) => stage.clock.now() - ms
const db = () => stage.services.db
const add = <Table extends SQLiteTable>(table: Table, row: Table['$inferInsert']) =>
  db().write((tx) => tx.insert(table).values(row).run())
const idsOf = (table: SQLiteTable & { id: unknown }) =>
  (
    db()
      .read.select()
      .from(table as SQLiteTable)
      .all() as { id: string }[]
  ).map(({ id }) => id)

type Run = Partial<typeof runs.$inferInsert>

/** A run that has ended, with a step, a line and a call. */
function run(id: string, at: number, change: Run = {}) {
  const times = { availableAt: at, createdAt: at, finishedAt: at + 1 }
  add(runs, { id, kind: 'backup', tenantId, input: '{}', status: 'succeeded', ...times, ...change })
  add(steps, { runId: id, position: 0, name: 'one', title: 'One', status: 'succeeded' })
  add(runLogs, { runId: id, position: 0, at, step: 'one', line: 'Done.' })
  call(`eff_${id}`, at, { runId: id })
}

function call(id: string, requestedAt: number, change: Partial<typeof effects.$inferInsert> = {}) {
  const intent = { subject: tenantId, provider: 's3', verb: 'deleteObject', key: 'k', summary: '{}' }
  add(effects, { id, ...intent, outcome: 'done', requestedAt, ...change })
}

/** A backup that was removed, and its run. */
function backup(
  id: string,
  removedAt: number,
  change: Partial<typeof backups.$inferInsert> = {},
  ofRun: Run = {},
) {
  const runId = `run_${id}`
  run(runId, removedAt - 7 * DAY_MS, ofRun)
  const facts = { tenantId, runId, method: 'app', reason: 'scheduled', objectKey: `key/${id}` } as const
  add(backups, { id, ...facts, status: 'removed', createdAt: removedAt - 7 * DAY_MS, removedAt, ...change })
}

const knows = (runId: string) => [
  idsOf(runs).includes(runId),
  ...[steps, runLogs, effects].map(
    (table) => db().read.select().from(table).where(eq(table.runId, runId)).all().length > 0,
  ),
]

describe('a backup that was removed', () => {
  beforeEach(() => run('run_latest', ago(0)))

  test('is forgotten after 30 days, with the run that made it and all that is known of that', async () => {
    backup('bak_old', ago(ROUTINE_KEPT_MS))
    backup('bak_young', ago(ROUTINE_KEPT_MS - 1))
    await sweep(stage.services)
    expect(idsOf(backups)).toEqual(['bak_young'])
    expect(knows('run_bak_old')).toEqual([false, false, false, false])
    expect(knows('run_bak_young')).toEqual([true, true, true, true])
  })

  test('one that is kept stays, however old', async () => {
    backup('bak_kept', ago(YEAR_MS), { status: 'complete', removedAt: null })
    await sweep(stage.services)
    expect(knows('run_bak_kept')).toEqual([true, true, true, true])
  })

  test('goes alone when it was made on the way of another kind of run', async () => {
    backup('bak_old', ago(YEAR_MS), { reason: 'before_move' }, { kind: 'move' })
    await sweep(stage.services)
    expect(idsOf(backups)).toEqual([])
    expect(knows('run_bak_old')).toEqual([true, true, true, true])
  })

  test('stays while a call of its run is not answered', async () => {
    backup('bak_old', ago(YEAR_MS))
    call('eff_open', ago(YEAR_MS), { runId: 'run_bak_old', outcome: 'intended' })
    await sweep(stage.services)
    expect(idsOf(backups)).toEqual(['bak_old'])
  })

  test.each(['open', 'ignored'] as const)('stays while a finding about it is %s', async (status) => {
    backup('bak_old', ago(YEAR_MS))
    finding('fnd_1', { status, externalId: 'key/bak_old' })
    await sweep(stage.services)
    expect(idsOf(backups)).toEqual(['bak_old'])
  })
})

describe('a tenant’s latest run', () => {
  test('stays, so that none before it speaks for the tenant', async () => {
    run('run_failed', ago(2 * YEAR_MS), { kind: 'suspend', status: 'failed' })
    backup('bak_old', ago(YEAR_MS))
    await sweep(stage.services)
    expect(latestRun(db().read, tenantId)?.id).toBe('run_bak_old')
  })

  test('does not make room for a failed one when only a deletion that was taken back came after it', async () => {
    run('run_failed', ago(2 * YEAR_MS), { kind: 'suspend', status: 'failed' })
    backup('bak_old', ago(YEAR_MS))
    run('run_delete', ago(DAY_MS), { kind: 'delete', status: 'cancelled' })
    await sweep(stage.services)
    expect(latestRun(db().read, tenantId)?.id).toBe('run_bak_old')
  })

  test.each(['queued', 'running', 'waiting', 'failed'] as const)(
    'while it is %s nothing goes that it may need',
    async (status) => {
      backup('bak_old', ago(YEAR_MS))
      run('run_live', ago(0), { kind: 'restore', status, finishedAt: status === 'failed' ? ago(0) : null })
      await sweep(stage.services)
      expect(idsOf(backups)).toEqual(['bak_old'])
      expect(knows('run_bak_old')).toEqual([true, true, true, true])
    },
  )
})

describe('a deploy', () => {
  const rollout = (finishedAt: number | null) => {
    const release = {
      blueprint: 'virtues',
      tag: 'v2',
      notes: '',
      migration: 'none',
      backup: false,
      images: '[]',
    } as const
    add(releases, { id: 'rel_1', ...release, createdBy: 'atlas', createdAt: 0 })
    const times = { createdAt: ago(YEAR_MS), finishedAt }
    const status = finishedAt === null ? 'frozen' : 'succeeded'
    add(rollouts, {
      id: 'rol_1',
      blueprint: 'virtues',
      releaseId: 'rel_1',
      status,
      strategy: '{}',
      createdBy: 'a',
      ...times,
    })
    const target = {
      rolloutId: 'rol_1',
      tenantId,
      wave: 0,
      position: 0,
      formerRelease: 'v1',
      runId: 'run_old',
    }
    add(rolloutTargets, { ...target, state: 'succeeded', updatedAt: 0 })
  }
  const target = () => db().read.select().from(rolloutTargets).get()

  beforeEach(() => run('run_latest', ago(0)))

  test('that went well is forgotten after 90 days; its rollout still says what became of it', async () => {
    run('run_old', ago(STORY_KEPT_MS), { kind: 'deploy' })
    run('run_young', ago(STORY_KEPT_MS - 1), { kind: 'deploy' })
    rollout(ago(STORY_KEPT_MS))
    await sweep(stage.services)
    expect([knows('run_old')[0], knows('run_young')[0]]).toEqual([false, true])
    expect(target()).toMatchObject({ state: 'succeeded', runId: null })
    expect(db().read.select().from(rollouts).get()).toMatchObject({ total: 1, settled: 1, failed: 0 })
  })

  test.each(['failed', 'queued'] as const)('that is %s stays', async (status) => {
    run('run_old', ago(YEAR_MS), { kind: 'deploy', status })
    await sweep(stage.services)
    expect(knows('run_old')).toEqual([true, true, true, true])
  })

  test('stays while its rollout goes on', async () => {
    run('run_old', ago(YEAR_MS), { kind: 'deploy' })
    rollout(null)
    await sweep(stage.services)
    expect(target()?.runId).toBe('run_old')
  })

  test('stays while a backup is known that was made before it', async () => {
    backup('bak_kept', ago(YEAR_MS), { status: 'complete', removedAt: null }, { kind: 'deploy' })
    await sweep(stage.services)
    expect(knows('run_bak_kept')[0]).toBe(true)
  })
})

test.each(['provision', 'suspend', 'resume', 'move', 'restore', 'change-plan', 'rotate-secrets', 'delete'])(
  'a run of kind %s stays for ever',
  async (kind) => {
    run('run_latest', ago(0))
    run('run_old', ago(10 * YEAR_MS), { kind })
    await sweep(stage.services)
    expect(knows('run_old')).toEqual([true, true, true, true])
  },
)

describe('a call without a run', () => {
  beforeEach(() => db().sqlite.exec('DELETE FROM effects'))

  test('is forgotten after 30 days when its outcome is known', async () => {
    call('eff_old', ago(ROUTINE_KEPT_MS))
    call('eff_refused', ago(YEAR_MS), { outcome: 'refused' })
    call('eff_young', ago(ROUTINE_KEPT_MS - 1))
    await sweep(stage.services)
    expect(idsOf(effects)).toEqual(['eff_young'])
  })

  test('stays while nobody knows whether it was made', async () => {
    call('eff_intended', ago(YEAR_MS), { outcome: 'intended' })
    call('eff_unknown', ago(YEAR_MS), { outcome: 'unknown', key: 'other' })
    call('eff_refused', ago(YEAR_MS - 1), { outcome: 'refused', key: 'other' })
    await sweep(stage.services)
    expect(idsOf(effects)).toEqual(['eff_intended', 'eff_unknown'])
  })

  test('goes once the same call went well', async () => {
    call('eff_unknown', ago(YEAR_MS), { outcome: 'unknown' })
    call('eff_done', ago(YEAR_MS - 1))
    await sweep(stage.services)
    expect(idsOf(effects)).toEqual([])
  })
})

describe('an event', () => {
  const event = (eventId: string, receivedAt: number, change: Partial<typeof inbox.$inferInsert> = {}) =>
    add(inbox, {
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
    db()
      .read.select()
      .from(inbox)
      .all()
      .map(({ eventId }) => eventId)

  test('is forgotten after 90 days', async () => {
    event('evt_old', ago(STORY_KEPT_MS))
    event('evt_ignored', ago(YEAR_MS), { status: 'ignored' })
    event('evt_young', ago(STORY_KEPT_MS - 1))
    event('delivery', ago(YEAR_MS), { source: 'github', type: 'delivery' })
    await sweep(stage.services)
    expect(kept()).toEqual(['evt_young'])
  })

  test('stays while it waits, or has failed: a payment may be behind it', async () => {
    event('evt_failed', ago(YEAR_MS), { status: 'failed' })
    event('evt_received', ago(YEAR_MS), { status: 'received' })
    await sweep(stage.services)
    expect(kept()).toEqual(['evt_failed', 'evt_received'])
  })

  test('a push stays, so that a copy of it rolls nothing out', async () => {
    event('digest-virtues', ago(YEAR_MS), { source: 'github', type: 'push' })
    event('digest-other', ago(YEAR_MS), { source: 'github', type: 'push', status: 'ignored' })
    await sweep(stage.services)
    expect(kept()).toEqual(['digest-other', 'digest-virtues'])
  })
})

describe('a mail', () => {
  beforeEach(() => db().sqlite.exec('DELETE FROM outbox'))
  const mail = (id: string, at: number, change: Partial<typeof outbox.$inferInsert> = {}) =>
    add(outbox, {
      id,
      kind: 'welcome',
      subject: tenantId,
      recipient: 'ada@example.com',
      idempotencyKey: id,
      status: 'sent',
      availableAt: at,
      createdAt: at,
      sentAt: at,
      ...change,
    })

  test('that was sent is forgotten after 90 days, one that failed after a year, one that waits never', async () => {
    mail('msg_old', ago(STORY_KEPT_MS))
    mail('msg_young', ago(STORY_KEPT_MS - 1))
    mail('msg_failed_old', ago(YEAR_MS), { status: 'failed', sentAt: null })
    mail('msg_failed_young', ago(YEAR_MS - 1), { status: 'failed', sentAt: null })
    mail('msg_queued', ago(2 * YEAR_MS), { status: 'queued', sentAt: null })
    await sweep(stage.services)
    expect(idsOf(outbox).sort()).toEqual(['msg_failed_young', 'msg_queued', 'msg_young'])
  })

  test('of a spell without payment stays while that lasts, because it is written once', async () => {
    const { organizationId = '', planId = '' } = db().read.select().from(tenants).get() ?? {}
    db().sqlite.exec('DELETE FROM subscriptions')
    const times = { currentPeriodEnd: 0, createdAt: 0, updatedAt: 0 }
    const terms = {
      stripeId: 'sub_1',
      status: 'past_due',
      priceId: 'price_1',
      planId,
      cancelAtPeriodEnd: false,
    }
    add(subscriptions, { id: 'sub_1', organizationId, ...terms, ...times, unpaidSince: 1 })
    mail('msg_unpaid', ago(YEAR_MS), { kind: 'unpaid-notice', subject: organizationId })
    await sweep(stage.services)
    expect(idsOf(outbox)).toEqual(['msg_unpaid'])
    db().sqlite.exec('UPDATE subscriptions SET unpaid_since = NULL')
    await sweep(stage.services)
    expect(idsOf(outbox)).toEqual([])
  })
})

function finding(id: string, change: Partial<typeof findings.$inferInsert>) {
  const seen = { firstSeenAt: 0, lastSeenAt: 0 }
  add(findings, {
    id,
    key: id,
    kind: 'stray_object',
    tenantId,
    facts: '{}',
    status: 'open',
    ...seen,
    ...change,
  })
}

test('a finding is forgotten 90 days after it was resolved; an open or ignored one stays', async () => {
  finding('fnd_old', { status: 'resolved', resolvedAt: ago(STORY_KEPT_MS) })
  finding('fnd_young', { status: 'resolved', resolvedAt: ago(STORY_KEPT_MS - 1) })
  finding('fnd_open', {})
  finding('fnd_ignored', { status: 'ignored' })
  await sweep(stage.services)
  expect(idsOf(findings).sort()).toEqual(['fnd_ignored', 'fnd_open', 'fnd_young'])
})

test('a look is forgotten after 30 days, but not the last complete one nor one that is under way', async () => {
  const look = (id: string, startedAt: number, status: 'complete' | 'failed' | 'running' = 'complete') =>
    add(reconciliations, { id, startedAt, status })
  look('rcn_older', ago(YEAR_MS + 1))
  look('rcn_complete', ago(YEAR_MS))
  look('rcn_failed', ago(ROUTINE_KEPT_MS), 'failed')
  look('rcn_young', ago(ROUTINE_KEPT_MS - 1), 'failed')
  look('rcn_running', ago(YEAR_MS), 'running')
  await sweep(stage.services)
  expect(idsOf(reconciliations).sort()).toEqual(['rcn_complete', 'rcn_running', 'rcn_young'])
})

test('an incident is forgotten 90 days after its end, unless others of its outage last', async () => {
  const incident = (id: string, endedAt: number | null, outage: string | null = null) =>
    add(incidents, { id, tenantId, reason: 'No answer.', startedAt: 0, endedAt, outage })
  incident('inc_old', ago(STORY_KEPT_MS))
  incident('inc_young', ago(STORY_KEPT_MS - 1))
  incident('inc_of_many', ago(YEAR_MS), 'inc_of_many')
  incident('inc_open', null, 'inc_of_many')
  await sweep(stage.services)
  expect(idsOf(incidents).sort()).toEqual(['inc_of_many', 'inc_open', 'inc_young'])
})

test('a signup that came to nothing is forgotten after 90 days', async () => {
  const { planId = '' } = db().read.select().from(tenants).get() ?? {}
  const before = idsOf(signups)
  const signup = (id: string, createdAt: number, status: 'expired' | 'failed' = 'expired') =>
    add(signups, {
      id,
      status,
      subdomain: id,
      skeleton: id,
      email: 'a@b.c',
      planId,
      createdAt,
      updatedAt: createdAt,
    })
  signup('sig_old', ago(STORY_KEPT_MS))
  signup('sig_young', ago(STORY_KEPT_MS - 1))
  signup('sig_failed', ago(YEAR_MS), 'failed')
  await sweep(stage.services)
  expect(idsOf(signups).sort()).toEqual([...before, 'sig_failed', 'sig_young'].sort())
})

test('what people and Atlas did is never forgotten', async () => {
  const before = idsOf(auditEvents)
  expect(before).not.toEqual([])
  db().sqlite.exec('UPDATE audit_events SET at = 0')
  await sweep(stage.services)
  expect(idsOf(auditEvents)).toEqual(before)
})

describe('a long sweep', () => {
  const MANY = 130

  beforeEach(() => {
    run('run_latest', ago(0))
    for (let nr = 0; nr < MANY; nr++) {
      // Every third has a finding, so that some stay in between; many at the same moment.
      backup(`bak_${String(nr).padStart(3, '0')}`, ago(YEAR_MS - Math.floor(nr / 40)))
      if (nr % 3 === 0) finding(`fnd_${nr}`, { externalId: `key/bak_${String(nr).padStart(3, '0')}` })
    }
  })
  const staying = Array.from({ length: MANY }, (_, nr) => nr)
    .filter((nr) => nr % 3 === 0)
    .map((nr) => `bak_${String(nr).padStart(3, '0')}`)

  async function finish(sweeping: Promise<void>) {
    let isOver = false
    void sweeping.finally(() => {
      isOver = true
    })
    while (!isOver) {
      stage.clock.advance(10)
      await nextTurn()
    }
    await sweeping
  }

  test('goes through all of it, in transactions of a few rows with pauses', async () => {
    let most = 0
    const { writeQuietly } = db()
    db().writeQuietly = (work) => {
      const before = idsOf(backups).length
      const result = writeQuietly.call(db(), work) as never
      most = Math.max(most, before - idsOf(backups).length)
      return result
    }
    await finish(sweep(stage.services))
    expect(idsOf(backups).sort()).toEqual(staying)
    expect(most).toBeGreaterThan(0)
    expect(most).toBeLessThanOrEqual(25)
  })

  test('that is cut off is gone on with by the next; one more finds nothing to do', async () => {
    const left = db().sqlite.query('SELECT count(*) AS n FROM backups')
    void sweep(stage.services)
    stage.clock.advance(10)
    await nextTurn()
    const { n } = left.get() as { n: number }
    expect(n).toBeGreaterThan(staying.length)
    expect(n).toBeLessThan(MANY)
    await finish(sweep({ ...stage.services, clock: stage.clock }))
    expect(idsOf(backups).sort()).toEqual(staying)
    const { total_changes: before } = db()
      .sqlite.query('SELECT total_changes() AS total_changes')
      .get() as never
    await finish(sweep(stage.services))
    const { total_changes: after } = db()
      .sqlite.query('SELECT total_changes() AS total_changes')
      .get() as never
    expect(after).toBe(before)
  })
})

test('with nothing to do it asks one query and writes nothing', async () => {
  const asked: string[] = []
  const { prepare } = db().sqlite
  db().sqlite.prepare = ((text: string) => {
    asked.push(text)
    return prepare.call(db().sqlite, text)
  }) as typeof prepare
  await sweep(stage.services)
  expect(asked).toHaveLength(1)
  expect(stage.lines.filter((line) => line.includes('forgotten'))).toEqual([])
})
