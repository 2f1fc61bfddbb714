import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { eq, gt } from 'drizzle-orm'
import { dnsRecords, secrets, servers, steps, tenants } from '../../src/db/schema'
import { approveSignup } from '../../src/signups/approve'
import { census, EXACTLY_ONE, NOTHING } from '../crash/census'
import { Land } from '../crash/land'

const TWO_TTL_MS = 120_000
const STRANGER = '203.0.113.9'
const NAME = 'ada.localhost'

let land: Land
beforeEach(async () => {
  land = await Land.open()
})
afterEach(() => land.close())

/** Somebody points a name of the zone elsewhere, past Atlas. */
async function pointByHand(value: string, type: 'A' | 'AAAA' = 'A'): Promise<void> {
  const life = land.begin()
  await life.end()
  await life.services.dns.upsertRecord({ name: NAME, type, values: [value], ttlSeconds: 60 })
}

const recordsNow = () => land.clouds.route53.recordSets().filter(({ type }) => type === 'A')

/** When the record and the server were asked to go, in ms; undefined when they never were. */
function removals() {
  const record = land.exchanges.find(({ requestBody }) => requestBody.includes('<Action>DELETE</Action>'))
  const server = land.exchanges.find(({ provider, method }) => provider === 'hetzner' && method === 'DELETE')
  return { record: record?.at, server: server?.at }
}

const positionOf = (step: string) =>
  land.db.read.select().from(steps).where(eq(steps.name, step)).get()?.position ?? Number.NaN

/** Provisions up to a step that goes wrong, then undoes. */
async function failAtStart(): Promise<void> {
  land.fault('machine', 'start', 'refuse', { code: 'conflict' })
  await land.live()
}

describe('undoing a failed provisioning', () => {
  test('takes the record first, holds the address for twice the TTL, then takes the server', async () => {
    await failAtStart()
    land.undo()
    expect(land.db.read.select().from(tenants).get()?.status).toBe('deleting')
    await land.live()
    expect(census(land)).toEqual(NOTHING)
    const { record = Number.NaN, server = Number.NaN } = removals()
    expect(server - record).toBeGreaterThanOrEqual(TWO_TTL_MS)
  })

  test('forgets the secrets, and keeps rows that say when everything went', async () => {
    await failAtStart()
    expect(land.db.read.select().from(secrets).all().length).toBeGreaterThan(0)
    land.undo()
    await land.live()
    expect(land.db.read.select().from(secrets).all()).toEqual([])
    expect(land.db.read.select().from(servers).get()?.deletedAt).toBeGreaterThan(0)
    expect(land.db.read.select().from(dnsRecords).get()?.deletedAt).toBeGreaterThan(0)
  })

  test('asks each thing to go once', async () => {
    await failAtStart()
    land.undo()
    await land.live()
    expect(land.exchanges.filter(({ method }) => method === 'DELETE')).toHaveLength(1)
  })

  test('lets the signup be approved again, for a new server at the same name', async () => {
    await failAtStart()
    land.undo()
    await land.live()
    const { services } = land.stage
    const [tenant] = land.db.read.select().from(tenants).all()
    const again = land.db.write((tx) =>
      approveSignup(tx, services, tenant?.signupId ?? '', { id: 'test' }, land.clock.now()),
    )
    await land.live()
    expect(land.db.read.select().from(tenants).where(eq(tenants.id, again.tenantId)).get()?.status).toBe(
      'active',
    )
    const { servers: cloudServers, records, app, welcomes } = census(land)
    expect({ cloudServers, records, app, welcomes }).toEqual({
      cloudServers: 1,
      records: 1,
      app: 'running',
      welcomes: 1,
    })
  })

  test('of one that never got a name or a server is over at once', async () => {
    land.fault('hetzner', 'POST /servers', 'refuse', { code: 'resource_unavailable' })
    await land.live()
    land.undo()
    const beganAt = land.clock.now()
    await land.live()
    expect(census(land)).toMatchObject({ run: 'cancelled', tenant: 'deleted', servers: 0, records: 0 })
    expect(removals()).toEqual({ record: undefined, server: undefined })
    expect(land.run.finishedAt! - beganAt).toBeLessThan(TWO_TTL_MS)
  })

  test('takes a record that an older database has forgotten before the server that it leads to', async () => {
    await failAtStart()
    land.db.write((tx) => {
      tx.delete(dnsRecords).run()
      // The steps that made it are forgotten with it.
      tx.update(steps)
        .set({ status: 'pending' })
        .where(gt(steps.position, positionOf('rotate-host-key')))
        .run()
    })
    land.undo()
    await land.live()
    expect(census(land)).toEqual(NOTHING)
    const { record = Number.NaN, server = Number.NaN } = removals()
    expect(server - record).toBeGreaterThanOrEqual(TWO_TTL_MS)
  })

  test('goes on after a part of it failed', async () => {
    await failAtStart()
    land.undo()
    land.fault('hetzner', 'DELETE /servers/{id}', 'refuse', { code: 'protected' })
    await land.live()
    expect(land.run).toMatchObject({ status: 'failed', direction: 'undo' })
    expect(land.run.reason).toContain('protected')
    land.retry()
    await land.live()
    expect(census(land)).toEqual({ ...NOTHING, notices: 3 })
  })
})

describe('a record whose making was never confirmed', () => {
  const losing = () => land.fault('route53', 'ChangeResourceRecordSets', 'lose_reply', { times: 10 })

  test('is taken down too, and its address held', async () => {
    losing()
    await land.live()
    expect(land.run).toMatchObject({ status: 'failed', step: 'point-dns' })
    expect(recordsNow()).toHaveLength(1)
    land.undo()
    await land.live()
    expect(recordsNow()).toEqual([])
    const { record = Number.NaN, server = Number.NaN } = removals()
    expect(server - record).toBeGreaterThanOrEqual(TWO_TTL_MS)
  })
})

describe('a record that is somebody else’s', () => {
  test('stops the run before anything is changed, and the retry goes on once it is gone', async () => {
    await pointByHand(STRANGER)
    await land.live()
    expect(land.run).toMatchObject({ status: 'failed', step: 'point-dns', errorCode: 'conflict' })
    expect(land.run.reason).toContain(`already points to ${STRANGER}`)
    expect(recordsNow()).toMatchObject([{ values: [STRANGER] }])
    const life = land.begin()
    await life.end()
    await life.services.dns.deleteRecord({ name: NAME, type: 'A', values: [STRANGER], ttlSeconds: 60 })
    land.retry()
    await land.live()
    expect(census(land)).toEqual({ ...EXACTLY_ONE, notices: 2 })
  })

  test('counts also when it is for the other kind of address', async () => {
    await pointByHand('2001:db8::1', 'AAAA')
    await land.live()
    expect(land.run).toMatchObject({ status: 'failed', step: 'point-dns' })
    expect(land.run.reason).toContain('already points to 2001:db8::1')
    expect(recordsNow()).toEqual([])
  })

  test('stays when the run is undone', async () => {
    await pointByHand(STRANGER)
    await land.live()
    land.undo()
    await land.live()
    expect(census(land)).toMatchObject({ run: 'cancelled', servers: 0 })
    expect(recordsNow()).toMatchObject([{ values: [STRANGER] }])
  })

  test('stays also when it took the place of Atlas’s own', async () => {
    await failAtStart()
    await pointByHand(STRANGER)
    land.undo()
    await land.live()
    expect(census(land)).toMatchObject({ run: 'cancelled', servers: 0 })
    expect(recordsNow()).toMatchObject([{ values: [STRANGER] }])
  })
})
