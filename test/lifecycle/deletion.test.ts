import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { eq } from 'drizzle-orm'
import { backups, secrets, servers, subscriptions } from '../../src/db/schema'
import { type DeletionAsked, deleteTenant } from '../../src/lifecycle/deletion'
import { cancel, retry, undo } from '../../src/lifecycle/mend'
import { suspendTenant } from '../../src/lifecycle/suspension'
import { withdrawDeletion } from '../../src/lifecycle/withdrawal'
import { judgeSubdomain } from '../../src/signups/subdomain'
import { BACKUP_KEY } from '../../src/tenants/secrets'
import { serverOf } from '../../src/tenants/tenant'
import { DAY_MS, Estate } from '../estate'

const NOTHING = {
  servers: 0,
  addresses: 0,
  volumes: 0,
  images: 1,
  records: 0,
  subscriptions: 0,
  app: 'none',
}

let estate: Estate
beforeEach(async () => {
  estate = await Estate.open()
})
afterEach(() => estate.close())

const remove = (wanted: Partial<DeletionAsked> = { coolOffDays: 0 }) =>
  estate.do((tx, services, id, asked) => deleteTenant(tx, services, id, { ...asked, ...wanted }))
const bringBack = () => estate.do(withdrawDeletion)
const mend = (verb: typeof retry) =>
  estate.do((tx, services, _, { actor, nowMs }) => verb(tx, services, estate.run.id, actor, nowMs))
const removals = () =>
  estate.exchanges.filter(
    ({ provider, method, requestBody }) =>
      (provider === 'hetzner' && method === 'DELETE') || requestBody.includes('<Action>DELETE</Action>'),
  )
const copies = () => estate.db.read.select().from(backups).all()

describe('a deleted tenant', () => {
  test('leaves nothing at the clouds but its last backups', async () => {
    remove()
    await estate.live()
    expect(estate.tenant).toMatchObject({ status: 'deleted', deleteAt: null, statusReason: null })
    expect(estate.tenant.deletedAt).toBe(estate.run.finishedAt)
    expect(await estate.holdings()).toEqual(NOTHING)
    expect(copies().map(({ method, reason, status }) => `${method} ${reason} ${status}`)).toEqual([
      'image before_deletion complete',
      'app before_deletion complete',
    ])
    expect(serverOf(estate.db.read, estate.tenant.id).deletedAt).toBeGreaterThan(0)
  })

  test('is stopped before its last copy is made, also when its server does not let that happen at first', async () => {
    const verbs: string[] = []
    estate.clouds.machines.observe(({ kind, detail }) => {
      if (kind === 'command') verbs.push(detail.split(' ')[0] ?? '')
    })
    estate.fault('machine', 'stop', 'refuse', { code: 'unavailable' })
    remove()
    await estate.live()
    expect(estate.tenant.status).toBe('deleted')
    expect(verbs).toEqual(['stop', 'stop', 'backup'])
    const step = (name: string) => estate.story().findIndex((line) => line.startsWith(`${name}:`))
    expect(step('stop-app')).toBeLessThan(step('final-backup'))
  })

  test('leaves alone when a server went that it had long ago', async () => {
    const now = serverOf(estate.db.read, estate.tenant.id)
    const former = { ...now, id: 'srv_former', role: 'former', name: 'former', externalId: null } as const
    estate.db.write((tx) =>
      tx
        .insert(servers)
        .values({ ...former, deletedAt: 1 })
        .run(),
    )
    remove()
    await estate.live()
    const were = estate.db.read.select().from(servers).all()
    expect(were.find(({ id }) => id === former.id)?.deletedAt).toBe(1)
    expect(were.find(({ id }) => id === now.id)?.deletedAt).toBeGreaterThan(1)
  })

  test('takes its secrets with it; only the key of its backups stays for as long as they do', async () => {
    remove()
    await estate.live()
    expect(estate.db.read.select().from(secrets).all()).toMatchObject([{ name: BACKUP_KEY }])
  })

  test('held its address until every cache had forgotten its name', async () => {
    remove()
    await estate.live()
    const [record, server] = removals()
    expect(record?.requestBody).toContain('<Action>DELETE</Action>')
    expect((server?.at ?? 0) - (record?.at ?? 0)).toBeGreaterThanOrEqual(120_000)
  })

  test('held it for as long as caches go by a TTL that somebody has changed', async () => {
    const { ipv4 } = serverOf(estate.db.read, estate.tenant.id)
    const record = { name: 'ada.localhost', type: 'A' as const, values: [ipv4!], ttlSeconds: 600 }
    await estate.services.dns.upsertRecord(record)
    estate.exchanges.splice(0)
    remove()
    await estate.live()
    const [name, server] = removals().map(({ at }) => at)
    expect(server! - name!).toBeGreaterThanOrEqual(2 * 600_000)
  })

  test('keeps its name from others for 90 days', async () => {
    remove()
    await estate.live()
    const now = estate.clock.now()
    const judge = (atMs: number) => judgeSubdomain(estate.db.read, 'ada', atMs)
    expect(judge(now)).toMatchObject({ ok: false, reason: 'deleted_lately' })
    expect(judge(now + 89 * DAY_MS)).toMatchObject({ ok: false })
    expect(judge(now + 91 * DAY_MS)).toEqual({ ok: true })
  })

  test('tells its owner when it begins and when it is over', async () => {
    remove()
    await estate.live()
    expect(estate.mails()).toEqual(['welcome', 'deletion-begun', 'deleted'])
  })

  test('gives back an address that the cloud would have kept', async () => {
    const { ipv4Id } = serverOf(estate.db.read, estate.tenant.id)
    const addresses = estate.clouds.world.table<{ id: string; autoDelete: boolean }>('hetzner_primary_ip')
    const kept = addresses.all().find(({ id }) => id === ipv4Id)
    expect(kept).toBeDefined()
    if (kept) addresses.put({ ...kept, autoDelete: false })
    remove()
    await estate.live()
    expect(removals().map(({ path }) => path)).toContain(`/primary_ips/${ipv4Id}`)
    expect(await estate.holdings()).toEqual(NOTHING)
  })
})

describe('in the cool-off', () => {
  beforeEach(async () => {
    remove({})
    await estate.liveUntil('cool-off: waiting')
  })

  test('it runs on, for seven days, with an image made', async () => {
    expect(estate.tenant.status).toBe('deleting')
    expect(estate.tenant.deleteAt).toBe(estate.run.createdAt + 7 * DAY_MS)
    expect((await estate.visit()).status).toBe(200)
    expect(copies()).toMatchObject([{ method: 'image', status: 'complete' }])
    expect(removals()).toEqual([])
  })

  test('one click brings it back as it was', async () => {
    bringBack()
    await estate.live()
    expect(estate.tenant).toMatchObject({ status: 'active', deleteAt: null })
    expect(await estate.holdings()).toMatchObject({
      servers: 1,
      records: 1,
      subscriptions: 1,
      app: 'running',
    })
    expect(estate.mails()).toEqual(['welcome', 'deletion-begun', 'brought-back'])
  })

  test('nothing else can be done to it', () => {
    expect(() => remove()).toThrow('ada is being deleted')
    expect(() =>
      estate.do((tx, services, id, asked) =>
        suspendTenant(tx, services, id, { ...asked, because: 'operator' }),
      ),
    ).toThrow('ada is being deleted')
  })

  test('its end is the end', async () => {
    estate.clock.advance(7 * DAY_MS)
    await estate.live()
    const app = copies().find(({ method }) => method === 'app')
    expect(app?.createdAt).toBeGreaterThanOrEqual(estate.run.createdAt + 7 * DAY_MS)
    expect(estate.tenant.status).toBe('deleted')
    expect(await estate.holdings()).toEqual(NOTHING)
    expect(bringBack).toThrow('ada is deleted')
  })
})

describe('past the point of no return', () => {
  test('it can’t be brought back, and a failure there can only be retried', async () => {
    estate.fault('hetzner', 'DELETE /servers/{id}', 'refuse', { code: 'protected' })
    remove()
    await estate.live()
    expect(estate.run).toMatchObject({ status: 'failed', step: 'delete-server' })
    expect(estate.tenant).toMatchObject({ status: 'deleting', statusReason: estate.run.reason })
    expect(bringBack).toThrow('can’t be taken back')
    expect(() => mend(undo)).toThrow('can’t be taken back')
    mend(retry)
    await estate.live()
    expect(estate.tenant.status).toBe('deleted')
    expect(await estate.holdings()).toEqual(NOTHING)
  })

  test('a cancellation that comes too late is refused', async () => {
    estate.fault('route53', 'ChangeResourceRecordSets', 'lose_reply', { times: 5 })
    remove()
    await estate.liveUntil('remove-dns: waiting', () =>
      expect(() => mend(cancel)).toThrow('can’t be taken back'),
    )
    await estate.live()
    expect(estate.tenant.status).toBe('deleted')
  })
})

describe('a server that is no help', () => {
  test('that never answers does not keep its tenant: there is its image, and the run says what there is not', async () => {
    estate.fault('machine', '*', 'timeout', { times: 1_000 })
    remove()
    await estate.live()
    expect(estate.tenant.status).toBe('deleted')
    expect(
      copies()
        .map(({ method, status }) => `${method} ${status}`)
        .sort(),
    ).toEqual(['app failed', 'image complete'])
    expect(await estate.holdings()).toEqual(NOTHING)
  })

  test('that is gone neither', async () => {
    await estate.services.cloud.deleteServer(serverOf(estate.db.read, estate.tenant.id).externalId ?? '')
    remove()
    await estate.live()
    expect(estate.tenant.status).toBe('deleted')
    expect(await estate.holdings()).toEqual({ ...NOTHING, images: 0 })
  })

  test('whose disk the cloud refuses to copy stops it, and without an image it goes on', async () => {
    estate.fault('hetzner', 'POST /servers/{id}/actions/create_image', 'refuse', {
      code: 'resource_limit_exceeded',
    })
    remove()
    await estate.live()
    expect(estate.run).toMatchObject({ status: 'failed', step: 'final-image' })
    expect(copies()).toMatchObject([{ method: 'image', status: 'failed' }])
    bringBack()
    await estate.live()
    expect(estate.tenant.status).toBe('active')
    remove({ coolOffDays: 0, withImage: false })
    await estate.live()
    expect(await estate.holdings()).toEqual({ ...NOTHING, images: 0 })
  })
})

describe('its subscription', () => {
  test('is cancelled once when the answer to that was lost, and our row says so', async () => {
    estate.fault('stripe', 'DELETE /subscriptions/:id', 'lose_reply')
    remove()
    await estate.live()
    expect(estate.tenant.status).toBe('deleted')
    const events = estate.clouds.stripe.store.events.all()
    expect(events.filter(({ type }) => type === 'customer.subscription.deleted')).toHaveLength(1)
    expect(estate.clouds.front.faults.list()).toEqual([])
    expect(estate.db.read.select().from(subscriptions).get()).toMatchObject({ status: 'canceled' })
  })

  test('that was cancelled before is left as it is', async () => {
    const id = estate.db.read.select().from(subscriptions).get()?.stripeId ?? ''
    estate.clouds.stripe.cancelByCustomer(id)
    remove()
    await estate.live()
    expect(estate.tenant.status).toBe('deleted')
    expect(estate.exchanges.some(({ path, method }) => path.includes(id) && method === 'DELETE')).toBe(false)
  })

  test('goes on while it pays for another tenant', async () => {
    estate.db.sqlite.run(
      `INSERT INTO tenants (id, organization_id, plan_id, blueprint, subdomain, skeleton, release, status, data_key, created_at, updated_at)
       SELECT 'ten_other', organization_id, plan_id, blueprint, 'eva', 'eva', release, 'active', data_key, 0, 0
       FROM tenants`,
    )
    remove()
    await estate.live()
    expect(estate.tenant.status).toBe('deleted')
    expect(await estate.holdings()).toEqual({ ...NOTHING, subscriptions: 1 })
  })
})

describe('what is refused, with its reason', () => {
  test('a cool-off that is no number of days', () => {
    for (const coolOffDays of [-1, 0.5, 91, Number.NaN]) {
      expect(() => remove({ coolOffDays })).toThrow('need another look')
    }
    expect(estate.tenant.status).toBe('active')
  })

  test('a sixth within an hour, unless it is meant', () => {
    const { db, tenant } = estate
    for (let n = 0; n < 5; n++) {
      db.sqlite.run(
        `INSERT INTO runs (id, kind, tenant_id, input, status, available_at, created_at)
         VALUES (?, 'delete', ?, '{}', ?, 0, ?)`,
        [`run_${n}`, tenant.id, n === 4 ? 'failed' : 'succeeded', estate.clock.now() - 60_000],
      )
    }
    expect(() => remove()).toThrow('5 tenants were given to deletion within the last hour')
    db.sqlite.run("UPDATE runs SET status = 'cancelled' WHERE id = 'run_4'")
    expect(() => remove()).not.toThrow()
    expect(estate.tenant.status).toBe('deleting')
  })

  test('a sixth within an hour that is meant is not', () => {
    for (let n = 0; n < 5; n++) {
      estate.db.sqlite.run(
        `INSERT INTO runs (id, kind, tenant_id, input, status, available_at, created_at)
         VALUES (?, 'delete', ?, '{}', 'succeeded', 0, ?)`,
        [`run_${n}`, estate.tenant.id, estate.clock.now()],
      )
    }
    remove({ confirmMany: true })
    expect(estate.tenant.status).toBe('deleting')
  })

  test('bringing back what nobody deletes', () => {
    expect(bringBack).toThrow('ada is active. Only a deleting tenant can be brought back.')
  })
})

test('a suspended tenant that is brought back is suspended again', async () => {
  estate.do((tx, services, id, asked) => suspendTenant(tx, services, id, { ...asked, because: 'unpaid' }))
  await estate.live()
  remove({})
  await estate.liveUntil('cool-off: waiting', () => bringBack())
  await estate.live()
  expect(estate.tenant).toMatchObject({ status: 'suspended', suspendedFor: 'unpaid', deleteAt: null })
  const mine = eq(servers.tenantId, estate.tenant.id)
  expect(estate.db.read.select().from(servers).where(mine).get()?.deletedAt).toBeNull()
  expect((await estate.visit()).status).toBe(503)
})
