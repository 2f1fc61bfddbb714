import { afterEach, describe, expect, test } from 'bun:test'
import { ManualClock } from '../../src/clock'
import { AtlasError } from '../../src/errors'
import type { Dns, DnsRecord } from '../../src/providers/dns'
import { createRoute53, plainName } from '../../src/providers/route53'
import { Front } from '../../src/simulator/front'
import { Route53Twin } from '../../src/simulator/route53'
import type { Exchange } from '../../src/simulator/twin'
import { World } from '../../src/simulator/world'
import { checkRoute53 } from '../contract/route53'

const ZONE = { id: 'Z0SIMULATED', name: 'tenants.example' }
const ACME: DnsRecord = { name: 'acme.tenants.example', type: 'A', values: ['198.18.0.7'], ttlSeconds: 60 }

type Stage = { dns: Dns; twin: Route53Twin; front: Front; clock: ManualClock; url: string; seen: Exchange[] }
const fronts: Front[] = []

afterEach(async () => {
  await Promise.all(fronts.splice(0).map((front) => front.stop()))
})

function stage(settings: Partial<Parameters<typeof createRoute53>[0]> = {}): Stage {
  const clock = new ManualClock()
  const world = new World({ clock })
  const twin = new Route53Twin(world, { accessKeyId: 'AKIATEST', zone: ZONE })
  const front = new Front(world, [twin], async () => null)
  const url = front.listen(0)
  fronts.push(front)
  const seen: Exchange[] = []
  front.observe((exchange) => {
    seen.push(exchange)
  })
  const apiUrl = `${url}/route53`
  const keys = { accessKeyId: 'AKIATEST', secretAccessKey: 'secret', hostedZoneId: ZONE.id }
  return { dns: createRoute53({ ...keys, apiUrl, clock, ...settings }), twin, front, clock, url, seen }
}

async function failure(promise: Promise<unknown>): Promise<AtlasError> {
  const thrown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (!(thrown instanceof AtlasError)) throw new Error('expected an AtlasError', { cause: thrown })
  return thrown
}

describe('records', () => {
  test('a record is pending, then answered everywhere, then found and deleted', async () => {
    const { dns, twin, clock, seen } = stage()
    const { changeId } = await dns.upsertRecord(ACME)
    expect(await dns.getChange(changeId)).toBe('pending')
    expect(twin.resolve('acme.tenants.example')).toBeUndefined()
    clock.advance(20_000)
    expect(await dns.getChange(changeId)).toBe('insync')
    expect(twin.resolve('acme.tenants.example')).toBe('198.18.0.7')
    expect(await dns.findRecord('acme.tenants.example', 'A')).toEqual(ACME)
    expect(await dns.findRecord('ACME.tenants.example.', 'A')).toEqual(ACME)
    expect(await dns.findRecord('acme.tenants.example', 'AAAA')).toBeNull()
    expect(await dns.findRecord('acm.tenants.example', 'A')).toBeNull()
    expect(await dns.deleteRecord(ACME)).not.toBeNull()
    expect(await dns.findRecord('acme.tenants.example', 'A')).toBeNull()
    expect(seen.flatMap(checkRoute53)).toEqual([])
  })

  test('upserting again replaces the values', async () => {
    const { dns } = stage()
    await dns.upsertRecord(ACME)
    await dns.upsertRecord({ ...ACME, values: ['198.18.0.8', '198.18.0.9'], ttlSeconds: 300 })
    expect((await dns.findRecord(ACME.name, 'A'))?.values).toEqual(['198.18.0.8', '198.18.0.9'])
    expect(await dns.listRecords()).toHaveLength(1)
  })

  test('deleting what is gone answers null; deleting what has changed is a conflict and deletes nothing', async () => {
    const { dns } = stage()
    expect(await dns.deleteRecord(ACME)).toBeNull()
    await dns.upsertRecord(ACME)
    const refused = await failure(dns.deleteRecord({ ...ACME, values: ['198.18.9.9'] }))
    expect(refused).toMatchObject({ code: 'conflict', vendorCode: 'InvalidChangeBatch' })
    expect(await dns.findRecord(ACME.name, 'A')).toEqual(ACME)
  })

  test('lists every page of A and AAAA records, with names in plain form', async () => {
    const { dns, seen } = stage()
    for (let i = 0; i < 310; i++) await dns.upsertRecord({ ...ACME, name: `t${i}.tenants.example` })
    await dns.upsertRecord({
      name: '*.Wild.tenants.example.',
      type: 'AAAA',
      values: ['2001:db8::1'],
      ttlSeconds: 60,
    })
    const records = await dns.listRecords()
    expect(records).toHaveLength(311)
    expect(new Set(records.map((record) => record.name)).size).toBe(311)
    expect(records.find((record) => record.type === 'AAAA')?.name).toBe('*.wild.tenants.example')
    expect(seen.filter((exchange) => exchange.verb === 'ListResourceRecordSets')).toHaveLength(2)
    expect(seen.flatMap(checkRoute53)).toEqual([])
  })

  test('are listed to the end when AWS asks to slow down on the way, but not for ever', async () => {
    const { dns, front, clock, seen } = stage()
    await dns.upsertRecord(ACME)
    const throttle = { provider: 'route53', verb: 'ListResourceRecordSets', kind: 'refuse' as const }
    const listed = async (times: number) => {
      front.faults.add({ ...throttle, times, status: 400, code: 'Throttling' })
      const end = Promise.allSettled([dns.listRecords()])
      for (let second = 0; second < 10; second++) {
        await Bun.sleep(2)
        clock.advance(1_000)
      }
      return (await end)[0]
    }
    expect(await listed(4)).toEqual({ status: 'fulfilled', value: [ACME] })
    expect(seen.filter((exchange) => exchange.verb === 'ListResourceRecordSets')).toHaveLength(5)
    expect(await listed(9)).toMatchObject({ reason: { code: 'unavailable', outcome: 'refused' } })
    expect(seen.filter((exchange) => exchange.verb === 'ListResourceRecordSets')).toHaveLength(10)
  })

  test('are counted against what the zone may have', async () => {
    const { dns, twin, seen } = stage()
    await dns.upsertRecord(ACME)
    // Every zone has an NS and an SOA of its own.
    expect(await dns.getRecordLimit()).toEqual({ used: 3, limit: 10_000 })
    twin.setLimits({ records: 3 })
    expect(await dns.getRecordLimit()).toEqual({ used: 3, limit: 3 })
    expect(seen.flatMap(checkRoute53)).toEqual([])
  })

  test('beyond the limit of the zone are a conflict that says what to do; those that exist can change', async () => {
    const { dns, twin, seen } = stage()
    await dns.upsertRecord(ACME)
    twin.setLimits({ records: 3 })
    const refused = await failure(dns.upsertRecord({ ...ACME, name: 'one-more.tenants.example' }))
    expect(refused).toMatchObject({ code: 'conflict', vendorCode: 'MAX_RRSETS_BY_ZONE' })
    expect(refused.message).toContain('higher quota')
    await dns.upsertRecord({ ...ACME, values: ['198.18.0.8'] })
    expect(await dns.listRecords()).toHaveLength(1)
    expect(seen.flatMap(checkRoute53)).toEqual([])
  })

  test('octal escapes and trailing dots go', () => {
    expect(plainName('\\052.Tenants.Example.')).toBe('*.tenants.example')
    expect(plainName('plain.example')).toBe('plain.example')
  })
})

describe('failures in our words', () => {
  const refusals: [string, number, Partial<AtlasError>][] = [
    ['Throttling', 400, { code: 'unavailable', outcome: 'refused', retryAfterMs: 1000 }],
    ['PriorRequestNotComplete', 400, { code: 'unavailable', outcome: 'refused' }],
    ['AccessDenied', 403, { code: 'unauthorized' }],
    ['SignatureDoesNotMatch', 403, { code: 'unauthorized' }],
    ['NoSuchHostedZone', 404, { code: 'not_found' }],
    ['InvalidInput', 400, { code: 'invalid' }],
    ['InternalFailure', 500, { code: 'unavailable', outcome: 'unknown' }],
    ['ServiceUnavailable', 503, { code: 'unavailable', outcome: 'refused' }],
    ['SomethingNew', 418, { code: 'internal' }],
  ]
  test.each(refusals)('%s (%d)', async (code, status, expected) => {
    const { dns, front } = stage()
    front.faults.add({ provider: 'route53', verb: '*', kind: 'refuse', times: 1, status, code })
    expect(await failure(dns.upsertRecord(ACME))).toMatchObject(expected)
  })

  test('a wrong key, and a wrong zone, say what to check', async () => {
    const wrongKey = await failure(stage({ accessKeyId: 'AKIAOTHER' }).dns.listRecords())
    expect(wrongKey).toMatchObject({ code: 'unauthorized', vendorCode: 'InvalidClientTokenId' })
    expect(wrongKey.message).toContain('AWS_ACCESS_KEY_ID')
    const wrongZone = await failure(stage({ hostedZoneId: 'ZOTHER' }).dns.listRecords())
    expect(wrongZone.message).toContain('HOSTED_ZONE_ID')
  })

  test('an unknown change is not found; a record outside of the zone is invalid', async () => {
    const { dns } = stage()
    expect(await failure(dns.getChange('CNONE'))).toMatchObject({ code: 'not_found' })
    expect(await failure(dns.upsertRecord({ ...ACME, name: 'acme.other.example' }))).toMatchObject({
      code: 'invalid',
    })
  })

  test('a lost reply leaves the outcome unknown, and the record is there', async () => {
    const { dns, front, seen } = stage()
    front.faults.add({ provider: 'route53', verb: 'ChangeResourceRecordSets', kind: 'lose_reply', times: 1 })
    expect(await failure(dns.upsertRecord(ACME))).toMatchObject({ code: 'unavailable', outcome: 'unknown' })
    expect(await dns.findRecord(ACME.name, 'A')).toEqual(ACME)
    expect(seen[0]?.status).toBe(0)
  })

  test('an answer that never comes leaves the outcome unknown', async () => {
    const clock = new ManualClock()
    const { dns, front } = stage({ timeoutMs: 1_000, clock })
    front.faults.add({ provider: 'route53', verb: '*', kind: 'timeout', times: 1 })
    const failing = failure(dns.upsertRecord(ACME))
    while (front.faults.list().length > 0) await Bun.sleep(1)
    clock.advance(1_000)
    expect(await failing).toMatchObject({ code: 'unavailable', outcome: 'unknown' })
  })

  test('an empty answer with status 200 counts as lost', async () => {
    using server = Bun.serve({ port: 0, fetch: () => new Response('') })
    const { dns } = stage({ apiUrl: `http://127.0.0.1:${server.port}/route53` })
    expect(await failure(dns.upsertRecord(ACME))).toMatchObject({ code: 'unavailable', outcome: 'unknown' })
  })

  test('nobody listening means that nothing was done', async () => {
    const { dns, front } = stage()
    await front.stop()
    expect(await failure(dns.upsertRecord(ACME))).toMatchObject({ code: 'unavailable', outcome: 'refused' })
  })

  test('no message carries a key or the record', async () => {
    const { dns, front } = stage()
    front.faults.add({
      provider: 'route53',
      verb: '*',
      kind: 'refuse',
      times: 1,
      status: 403,
      code: 'AccessDenied',
    })
    const { message } = await failure(dns.upsertRecord(ACME))
    expect(message).not.toMatch(/AKIATEST|secret|acme|198\.18/)
  })
})
