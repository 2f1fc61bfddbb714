import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { eq, gt } from 'drizzle-orm'
import { dnsRecords, secrets, servers, steps, tenants } from '../../src/db/schema'
import { approveSignup } from '../../src/lifecycle/approve'
import { Estate } from '../estate'
import { census, EXACTLY_ONE, NOTHING } from './census'

const TWO_TTL_MS = 120_000
const STRANGER = '203.0.113.9'
const NAME = 'ada.localhost'

let estate: Estate
beforeEach(async () => {
  estate = await Estate.approved()
})
afterEach(() => estate.close())

/** Somebody points a name of the zone elsewhere, past Atlas. */
async function pointByHand(value: string, type: 'A' | 'AAAA' = 'A'): Promise<void> {
  await estate.services.dns.upsertRecord({ name: NAME, type, values: [value], ttlSeconds: 60 })
}

const recordsNow = () => estate.clouds.route53.recordSets().filter(({ type }) => type === 'A')

/** When the record and the server were asked to go, in ms; undefined when they never were. */
function removals() {
  const record = estate.exchanges.find(({ requestBody }) => requestBody.includes('<Action>DELETE</Action>'))
  const server = estate.exchanges.find(
    ({ provider, method }) => provider === 'hetzner' && method === 'DELETE',
  )
  return { record: record?.at, server: server?.at }
}

const positionOf = (step: string) =>
  estate.db.read.select().from(steps).where(eq(steps.name, step)).get()?.position ?? Number.NaN

/** Provisions up to a step that goes wrong, then undoes. */
async function failAtStart(): Promise<void> {
  estate.fault('machine', 'start', 'refuse', { code: 'conflict' })
  await estate.live()
}

describe('undoing a failed provisioning', () => {
  test('takes the record first, holds the address for twice the TTL, then takes the server', async () => {
    await failAtStart()
    estate.undo()
    expect(estate.db.read.select().from(tenants).get()?.status).toBe('deleting')
    await estate.live()
    expect(census(estate)).toEqual(NOTHING)
    const { record = Number.NaN, server = Number.NaN } = removals()
    expect(server - record).toBeGreaterThanOrEqual(TWO_TTL_MS)
  })

  test('forgets the secrets, and keeps rows that say when everything went', async () => {
    await failAtStart()
    expect(estate.db.read.select().from(secrets).all().length).toBeGreaterThan(0)
    estate.undo()
    await estate.live()
    expect(estate.db.read.select().from(secrets).all()).toEqual([])
    expect(estate.db.read.select().from(servers).get()?.deletedAt).toBeGreaterThan(0)
    expect(estate.db.read.select().from(dnsRecords).get()?.deletedAt).toBeGreaterThan(0)
  })

  test('asks each thing to go once', async () => {
    await failAtStart()
    estate.undo()
    await estate.live()
    expect(estate.exchanges.filter(({ method }) => method === 'DELETE')).toHaveLength(1)
  })

  test('lets the signup be approved again, for a new server at the same name', async () => {
    await failAtStart()
    estate.undo()
    await estate.live()
    const { services } = estate.stage
    const [tenant] = estate.db.read.select().from(tenants).all()
    const again = estate.db.write((tx) =>
      approveSignup(tx, services, tenant?.signupId ?? '', { id: 'test' }, estate.clock.now()),
    )
    await estate.live()
    expect(estate.db.read.select().from(tenants).where(eq(tenants.id, again.tenantId)).get()?.status).toBe(
      'active',
    )
    const { servers: cloudServers, records, app, welcomes } = census(estate)
    expect({ cloudServers, records, app, welcomes }).toEqual({
      cloudServers: 1,
      records: 1,
      app: 'running',
      welcomes: 1,
    })
  })

  test('of one that never got a name or a server is over at once', async () => {
    estate.fault('hetzner', 'POST /servers', 'refuse', { code: 'resource_unavailable' })
    await estate.live()
    estate.undo()
    const beganAt = estate.clock.now()
    await estate.live()
    expect(census(estate)).toMatchObject({ run: 'cancelled', tenant: 'deleted', servers: 0, records: 0 })
    expect(removals()).toEqual({ record: undefined, server: undefined })
    expect(estate.run.finishedAt! - beganAt).toBeLessThan(TWO_TTL_MS)
  })

  test('takes a record that an older database has forgotten before the server that it leads to', async () => {
    await failAtStart()
    estate.db.write((tx) => {
      tx.delete(dnsRecords).run()
      // The steps that made it are forgotten with it.
      tx.update(steps)
        .set({ status: 'pending' })
        .where(gt(steps.position, positionOf('rotate-host-key')))
        .run()
    })
    estate.undo()
    await estate.live()
    expect(census(estate)).toEqual(NOTHING)
    const { record = Number.NaN, server = Number.NaN } = removals()
    expect(server - record).toBeGreaterThanOrEqual(TWO_TTL_MS)
  })

  test('goes on after a part of it failed', async () => {
    await failAtStart()
    estate.undo()
    estate.fault('hetzner', 'DELETE /servers/{id}', 'refuse', { code: 'protected' })
    await estate.live()
    expect(estate.run).toMatchObject({ status: 'failed', direction: 'undo' })
    expect(estate.run.reason).toContain('protected')
    estate.retry()
    await estate.live()
    expect(census(estate)).toEqual({ ...NOTHING, notices: 3 })
  })
})

describe('a record whose making was never confirmed', () => {
  const losing = () => estate.fault('route53', 'ChangeResourceRecordSets', 'lose_reply', { times: 10 })

  test('is taken down too, and its address held', async () => {
    losing()
    await estate.live()
    expect(estate.run).toMatchObject({ status: 'failed', step: 'point-dns' })
    expect(recordsNow()).toHaveLength(1)
    estate.undo()
    await estate.live()
    expect(recordsNow()).toEqual([])
    const { record = Number.NaN, server = Number.NaN } = removals()
    expect(server - record).toBeGreaterThanOrEqual(TWO_TTL_MS)
  })
})

describe('a record that is somebody else’s', () => {
  test('stops the run before anything is changed, and the retry goes on once it is gone', async () => {
    await pointByHand(STRANGER)
    await estate.live()
    expect(estate.run).toMatchObject({ status: 'failed', step: 'point-dns', errorCode: 'conflict' })
    expect(estate.run.reason).toContain(`already points to ${STRANGER}`)
    expect(recordsNow()).toMatchObject([{ values: [STRANGER] }])
    await estate.services.dns.deleteRecord({ name: NAME, type: 'A', values: [STRANGER], ttlSeconds: 60 })
    estate.retry()
    await estate.live()
    expect(census(estate)).toEqual({ ...EXACTLY_ONE, notices: 2 })
  })

  test('counts also when it is for the other kind of address', async () => {
    await pointByHand('2001:db8::1', 'AAAA')
    await estate.live()
    expect(estate.run).toMatchObject({ status: 'failed', step: 'point-dns' })
    expect(estate.run.reason).toContain('already points to 2001:db8::1')
    expect(recordsNow()).toEqual([])
  })

  test('stays when the run is undone', async () => {
    await pointByHand(STRANGER)
    await estate.live()
    estate.undo()
    await estate.live()
    expect(census(estate)).toMatchObject({ run: 'cancelled', servers: 0 })
    expect(recordsNow()).toMatchObject([{ values: [STRANGER] }])
  })

  test('stays also when it took the place of Atlas’s own', async () => {
    await failAtStart()
    await pointByHand(STRANGER)
    estate.undo()
    await estate.live()
    expect(census(estate)).toMatchObject({ run: 'cancelled', servers: 0 })
    expect(recordsNow()).toMatchObject([{ values: [STRANGER] }])
  })
})
