import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { eq } from 'drizzle-orm'
import { auditEvents, dnsRecords, reconciliations, runs, servers, subscriptions } from '../../src/db/schema'
import { listQuotas } from '../../src/quotas/quotas'
import { beginReconciliation, latestReconciliation, reconcile } from '../../src/reconcile/reconcile'
import { ADA, Shore } from './shore'

const HOUR_MS = 3_600_000
const MINUTE_MS = 60_000

let shore: Shore
beforeEach(async () => {
  shore = await Shore.open()
})
afterEach(() => shore.close())

const adaAt = () => shore.services.db.read.select().from(servers).get()?.ipv4 ?? ''

describe('a look', () => {
  test('finds nothing where everything agrees, and counts what is used', async () => {
    expect(await shore.look()).toEqual([])
    const look = latestReconciliation(shore.services.db.read)
    expect(look).toMatchObject({ status: 'complete', error: null })
    expect(JSON.parse(look?.lookedAt ?? '')).toMatchObject({
      servers: 1,
      addresses: 2,
      records: 1,
      findings: 0,
    })
    const quotas = listQuotas(shore.services.db.read)
    expect(quotas.map(({ name, used }) => [name, used])).toEqual([
      ['servers', 1],
      ['addresses', 2],
      ['records', 3],
    ])
    expect(shore.breaches()).toEqual([])
  })

  test('says nothing about a tenant that is in change', async () => {
    shore.services.db.sqlite.run("UPDATE runs SET status = 'waiting', available_at = 9e15")
    shore.point(ADA, ['203.0.113.9'])
    expect(await shore.look()).toEqual([])
  })

  test('goes on after a provider was busy for a moment', async () => {
    shore.estate.fault('hetzner', 'GET /servers', 'refuse', { code: 'maintenance' })
    expect(await shore.look()).toEqual([])
    expect(latestReconciliation(shore.services.db.read)?.status).toBe('complete')
  })

  test('is one at a time, and one that a crash cut off is told as such', async () => {
    const { db } = shore.services
    db.sqlite.run("INSERT INTO reconciliations (id, started_at, status) VALUES ('rcn_dead', 0, 'running')")
    const { done } = beginReconciliation(shore.services)
    expect(() => beginReconciliation(shore.services)).toThrow('Atlas is looking already')
    await reconcile(shore.services)
    await done
    const rows = db.read.select().from(reconciliations).all()
    expect(rows.map(({ id, status }) => [id === 'rcn_dead', status])).toEqual([
      [true, 'failed'],
      [false, 'complete'],
    ])
  })

  test('writes down what the rows of an older Atlas never knew', async () => {
    shore.services.db.sqlite.run('UPDATE servers SET ipv4_id = NULL, ipv6_id = NULL, disk_gb = NULL')
    expect(await shore.look()).toEqual([])
    const row = shore.services.db.read.select().from(servers).get()
    expect([row?.ipv4Id, row?.ipv6Id, row?.diskGb]).toEqual([
      expect.any(String),
      expect.any(String),
      expect.any(Number),
    ])
  })
})

describe('a finding', () => {
  test('is one row while it is seen, and resolves itself when it is not', async () => {
    const id = shore.stray()
    await shore.look()
    shore.pass(HOUR_MS)
    await shore.look()
    expect(shore.findings()).toMatchObject([
      { externalId: id, sightings: 2, tenantId: null, currency: 'eur' },
    ])
    shore.estate.clouds.hetzner.lose(id)
    expect(await shore.look()).toEqual([])
    expect(shore.findings('resolved')).toMatchObject([{ externalId: id, resolvedBy: 'itself' }])
  })

  test('that deletes is acted on after two sightings at least 50 minutes apart, never by itself', async () => {
    shore.services.settings.reconcilePolicy = 'safe'
    shore.stray()
    await shore.look({ apply: () => true })
    await expect(shore.apply('server_unknown')).rejects.toThrow('seen twice, at least 50 minutes apart')
    shore.pass(40 * MINUTE_MS)
    await shore.look({ apply: () => true })
    expect(shore.finding('server_unknown').sightings).toBe(2)
    shore.pass(20 * MINUTE_MS)
    expect(await shore.look()).toEqual(['server_unknown:delete_server'])
    expect(shore.serverNames()).toContain('stray-1')
    await shore.apply('server_unknown')
    shore.pass(MINUTE_MS)
    expect(await shore.look()).toEqual([])
    expect(shore.serverNames()).toHaveLength(1)
    expect(shore.ledger()).toContain('deleteServer done')
    const told = shore.services.db.read.select().from(auditEvents).all()
    expect(told.filter(({ action }) => action === 'finding.applied')).toHaveLength(1)
    expect(shore.breaches()).toEqual([])
  })

  test('has to be seen anew when it was gone in between', async () => {
    shore.point('stray.localhost', [adaAt()])
    await shore.look()
    shore.point('stray.localhost', ['203.0.113.9'])
    shore.pass(HOUR_MS)
    await shore.look()
    shore.point('stray.localhost', [adaAt()])
    await shore.look()
    await expect(shore.apply('record_stray')).rejects.toThrow('seen twice')
  })
})

describe('right before it acts Atlas looks once more, and leaves alone', () => {
  /** Seen twice, an hour apart. */
  async function confirmed(): Promise<void> {
    await shore.look()
    shore.pass(HOUR_MS)
    await shore.look()
  }

  test('a server that lost its label', async () => {
    const id = shore.stray()
    await confirmed()
    const table = shore.estate.clouds.world.table<{ id: string; labels: object }>('hetzner_server')
    table.put({ ...table.get(id)!, labels: {} })
    await expect(shore.apply('server_unknown')).rejects.toThrow('does not carry this Atlas’s label')
    expect(shore.finding('server_unknown').error).toContain('does not carry')
  })

  test('a server to which a name leads: whoever gets its address would get the visitors', async () => {
    const id = shore.stray()
    await confirmed()
    const { ipv4 } = (await shore.services.cloud.getServer(id))!
    shore.point('other.example.localhost', [ipv4!])
    await expect(shore.apply('server_unknown')).rejects.toThrow('other.example.localhost still leads')
    expect(shore.serverNames()).toContain('stray-1')
  })

  test('a record that was changed, and one whose server is there after all', async () => {
    shore.point('stray.localhost', [adaAt()])
    await confirmed()
    shore.point('stray.localhost', ['203.0.113.9'])
    await expect(shore.apply('record_stray')).rejects.toThrow('no longer as it was found')
    expect(shore.records().map(([name]) => name)).toContain('stray.localhost.')
  })

  test('whatever belongs to a tenant to which something is being done', async () => {
    shore.point(ADA, ['203.0.113.9'])
    await confirmed()
    shore.services.db.sqlite.run("UPDATE runs SET status = 'waiting', available_at = 9e15")
    await expect(shore.apply('record_dangling')).rejects.toThrow('A run is at work on this tenant')
  })

  test('what is dealt with already, however often somebody presses', async () => {
    shore.stray()
    await confirmed()
    const twice = await Promise.allSettled([shore.apply('server_unknown'), shore.apply('server_unknown')])
    expect(twice.map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
    expect(shore.ledger().filter((line) => line.startsWith('deleteServer'))).toHaveLength(1)
  })
})

describe('a name', () => {
  test('that is missing is pointed back after two sightings where the policy is safe', async () => {
    shore.services.settings.reconcilePolicy = 'safe'
    const { dns } = shore.services
    await dns.deleteRecord((await dns.findRecord(ADA, 'A'))!)
    expect(await shore.look()).toEqual(['record_missing:restore_record'])
    shore.pass(HOUR_MS)
    expect(await shore.look()).toEqual([])
    expect(shore.records()).toEqual([[`${ADA}.`, [adaAt()]]])
    expect(shore.findings('resolved')).toMatchObject([{ kind: 'record_missing', resolvedBy: 'atlas' }])
    expect(shore.ledger()).toContain('upsertRecord done')
  })

  test('stays missing where the policy is to report, until somebody asks', async () => {
    const { dns } = shore.services
    await dns.deleteRecord((await dns.findRecord(ADA, 'A'))!)
    await shore.look()
    shore.pass(HOUR_MS)
    expect(await shore.look()).toEqual(['record_missing:restore_record'])
    await shore.apply('record_missing')
    expect(shore.records()).toEqual([[`${ADA}.`, [adaAt()]]])
    expect(shore.services.db.read.select().from(dnsRecords).all()).toHaveLength(1)
  })

  test('to a stranger’s address is pointed back; without a server its record goes', async () => {
    shore.point(ADA, ['203.0.113.9'])
    expect(await shore.look()).toEqual(['record_dangling:restore_record'])
    await shore.apply('record_dangling')
    expect(shore.records()).toEqual([[`${ADA}.`, [adaAt()]]])
    const { externalId } = shore.services.db.read.select().from(servers).get()!
    shore.estate.clouds.hetzner.lose(externalId!)
    shore.pass(10 * MINUTE_MS)
    expect(await shore.look()).toEqual(['record_dangling:delete_record', 'server_gone:by hand'])
    shore.pass(HOUR_MS)
    expect(await shore.look({ apply: () => true })).toEqual(['server_gone:by hand'])
    expect(shore.records()).toEqual([])
    expect(shore.services.db.read.select().from(dnsRecords).get()?.deletedAt).toBeGreaterThan(0)
    expect(shore.breaches()).toEqual([])
  })
})

describe('money', () => {
  test('of which no webhook told converges with the hourly look, which says so', async () => {
    const { db } = shore.services
    const { stripeId } = db.read.select().from(subscriptions).get()!
    shore.estate.stage.payments.changeSubscription(stripeId, { status: 'canceled', canceledAt: 1 })
    expect(await shore.look()).toEqual([])
    expect(db.read.select().from(subscriptions).get()?.status).toBe('canceled')
    expect(shore.findings('resolved')).toMatchObject([{ kind: 'subscription_differs', resolvedBy: 'atlas' }])
    const look = latestReconciliation(db.read)
    expect(JSON.parse(look?.lookedAt ?? '')).toMatchObject({ mended: 1 })
    const [suspension] = db.read.select().from(runs).where(eq(runs.kind, 'suspend')).all()
    expect(suspension).toBeDefined()
  })
})

test('a server that an older database has forgotten is taken up again at once, and nothing is deleted', async () => {
  const { db } = shore.services
  const before = db.read.select().from(servers).get()!
  db.sqlite.run(
    'UPDATE servers SET external_id = NULL, ipv4 = NULL, ipv6 = NULL, ipv4_id = NULL, ipv6_id = NULL',
  )
  expect(await shore.look()).toEqual([])
  expect(db.read.select().from(servers).get()).toEqual(before)
  expect(shore.findings('resolved')).toMatchObject([{ kind: 'server_forgotten', resolvedBy: 'atlas' }])
  expect(shore.ledger().filter((line) => line.startsWith('delete'))).toEqual([])
})
