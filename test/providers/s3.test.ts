import { afterEach, describe, expect, test } from 'bun:test'
import { ManualClock } from '../../src/clock'
import { AtlasError } from '../../src/errors'
import type { ListedObject, Objects } from '../../src/providers/objects'
import { createS3, type S3Settings } from '../../src/providers/s3'
import { Front } from '../../src/simulator/front'
import { S3Twin } from '../../src/simulator/s3'
import type { Exchange } from '../../src/simulator/twin'
import { World } from '../../src/simulator/world'
import { checkS3 } from '../contract/s3'

const KEYS = { region: 'auto', accessKeyId: 'AKIA0', secretAccessKey: 'stays-secret' }
const KEY = 'tenants/ten_1/back up (ü) \'*!&+".age'
const fronts: Front[] = []

afterEach(async () => {
  await Promise.all(fronts.splice(0).map((front) => front.stop()))
})

function stage(settings: Partial<S3Settings> = {}) {
  const clock = new ManualClock()
  const world = new World({ clock })
  const twin = new S3Twin(world, { ...KEYS, bucket: 'backups' })
  const front = new Front(world, [twin], async () => null)
  const endpoint = `${front.listen(0)}/s3`
  fronts.push(front)
  const seen: Exchange[] = []
  front.observe((exchange) => void seen.push(exchange))
  const s3 = createS3({ ...KEYS, endpoint, bucket: 'backups', clock, ...settings })
  return { s3, twin, front, clock, seen, endpoint }
}

async function failure(promise: Promise<unknown>): Promise<AtlasError> {
  const thrown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (!(thrown instanceof AtlasError)) throw new Error('expected an AtlasError', { cause: thrown })
  return thrown
}

const put = (url: string, body: string | Uint8Array<ArrayBuffer>) => fetch(url, { method: 'PUT', body })

describe('an object', () => {
  test('is uploaded and downloaded by whoever has the address, looked at and deleted', async () => {
    const { s3, clock, seen } = stage()
    const bytes = crypto.getRandomValues(new Uint8Array(70_000))
    expect(await s3.head(KEY)).toBeNull()
    expect((await put(await s3.uploadUrl(KEY, 60), bytes)).status).toBe(200)
    expect(await s3.head(KEY)).toEqual({ sizeBytes: 70_000, createdAt: clock.now() })
    const answer = await fetch(await s3.downloadUrl(KEY, 60))
    expect(new Uint8Array(await answer.arrayBuffer())).toEqual(bytes)
    await s3.delete(KEY)
    await s3.delete(KEY)
    expect(await s3.head(KEY)).toBeNull()
    expect((await fetch(await s3.downloadUrl(KEY, 60))).status).toBe(404)
    expect(seen).toHaveLength(8)
    expect(seen.flatMap(checkS3)).toEqual([])
  })

  test('has an address that does what it was made for, for as long as it was made', async () => {
    const { s3, clock, twin } = stage()
    const upload = await s3.uploadUrl(KEY, 60)
    expect((await fetch(upload)).status).toBe(403)
    expect((await put(upload.replace('ten_1', 'ten_2'), 'x')).status).toBe(403)
    expect((await put(upload.replace('Expires=60', 'Expires=61'), 'x')).status).toBe(403)
    clock.advance(60_000)
    expect((await put(upload, 'in time')).status).toBe(200)
    clock.advance(1_000)
    const late = await put(upload, 'x')
    expect([late.status, await late.text()]).toEqual([403, expect.stringContaining('Request has expired')])
    expect(twin.stored().map(({ key, sizeBytes }) => [key, sizeBytes])).toEqual([[KEY, 7]])
  })

  test('has no address for longer than a week, and no key that S3 would not take', async () => {
    const { s3 } = stage()
    expect(await s3.downloadUrl(KEY, 604_800)).toContain('X-Amz-Expires=604800')
    for (const seconds of [604_801, 0, -1, 1.5, Number.NaN]) {
      expect(await failure(s3.downloadUrl(KEY, seconds))).toMatchObject({ code: 'invalid' })
    }
    for (const key of ['', 'x'.repeat(1025)]) expect((await failure(s3.head(key))).code).toBe('invalid')
  })
})

async function allOf(s3: Objects, prefix: string, pages: number[] = []): Promise<ListedObject[]> {
  const all: ListedObject[] = []
  await s3.list(prefix, (page) => {
    pages.push(page.length)
    all.push(...page)
  })
  return all
}

describe('a list', () => {
  test('has what is under a prefix, over several pages, whatever their keys are', async () => {
    const { s3, twin, clock, seen } = stage()
    const keys = Array.from({ length: 2_001 }, (_, i) => `ins/${String(i).padStart(4, '0')} <&>"'é+`)
    for (const key of [...keys, 'other/1']) twin.seed(key, new Uint8Array(3), clock.now() - 5_000)
    const pages: number[] = []
    const all = await allOf(s3, 'ins/', pages)
    expect(all.map(({ key }) => key)).toEqual(keys)
    expect(all[0]).toEqual({ key: keys[0]!, sizeBytes: 3, createdAt: clock.now() - 5_000 })
    expect(pages).toEqual([1_000, 1_000, 1])
    expect(await allOf(s3, 'none/')).toEqual([])
    expect(seen).toHaveLength(4)
    expect(seen.flatMap(checkS3)).toEqual([])
  })

  test('that is not whole is no list', async () => {
    const whole = '<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>'
    const broken = [
      '',
      whole.slice(0, -3),
      whole.replace('false', 'true'),
      whole.replace('</List', '<Contents><Key>a</Key></Contents></List'),
    ]
    for (const text of broken) {
      const { s3 } = stage({ fetch: async () => new Response(text) })
      expect(await failure(allOf(s3, 'ins/'))).toMatchObject({ code: 'unavailable' })
    }
    expect(await allOf(stage({ fetch: async () => new Response(whole) }).s3, 'ins/')).toEqual([])
  })

  test('that is refused, is told so', async () => {
    const { s3 } = stage({ bucket: 'none' })
    expect(await failure(allOf(s3, 'ins/'))).toMatchObject({ code: 'not_found', vendorCode: 'NoSuchBucket' })
  })
})

test('an object is read piece by piece, and one that is missing is not found', async () => {
  const { s3, twin, clock, seen } = stage()
  const bytes = crypto.getRandomValues(new Uint8Array(300_000))
  twin.seed(KEY, bytes, clock.now())
  const pieces: Uint8Array[] = []
  await s3.read(KEY, (piece) => void pieces.push(piece))
  expect(Buffer.concat(pieces).equals(bytes)).toBe(true)
  expect(await failure(s3.read('none', () => {}))).toMatchObject({
    code: 'not_found',
    vendorCode: 'NoSuchKey',
  })
  expect(seen.flatMap(checkS3)).toEqual([])
})

describe('a refusal', () => {
  test.each([
    ['another secret', { secretAccessKey: 'other' }, 'unauthorized', 'SignatureDoesNotMatch'],
    ['an unknown key', { accessKeyId: 'AKIA1' }, 'unauthorized', 'InvalidAccessKeyId'],
    ['another region', { region: 'us-east-1' }, 'unauthorized', 'AuthorizationHeaderMalformed'],
    ['another bucket', { bucket: 'none' }, 'not_found', 'NoSuchBucket'],
    ['a wrong clock', { clock: new ManualClock(Date.UTC(2026, 0, 1)) }, 'conflict', 'RequestTimeTooSkewed'],
  ])('for %s is told in words that hold no secret', async (_, settings, code, vendorCode) => {
    const { s3, seen } = stage(settings)
    const refused = await failure(s3.delete(KEY))
    expect(refused).toMatchObject({ code, vendorCode })
    expect(refused.message).not.toMatch(/AKIA|stays-secret|back up/)
    expect(seen.flatMap(checkS3)).toEqual([])
  })

  test('of keys is not taken for a missing object, though HEAD says nothing but the status', async () => {
    const { s3 } = stage({ secretAccessKey: 'other' })
    expect(await failure(s3.head(KEY))).toMatchObject({ code: 'forbidden', vendorCode: 'http_403' })
  })

  test.each([
    ['SlowDown', 503, 'unavailable', 'refused'],
    ['InternalError', 500, 'unavailable', 'unknown'],
    ['AccessDenied', 403, 'forbidden', undefined],
  ])('%s, status %i, means %s', async (vendorCode, status, code, outcome) => {
    const { s3, front, seen } = stage()
    front.faults.add({ provider: 's3', verb: 'DeleteObject', kind: 'refuse', times: 1, code: vendorCode })
    const refused = await failure(s3.delete(KEY))
    expect([refused.code, refused.outcome, refused.vendorCode]).toEqual([code, outcome, vendorCode] as never)
    expect(seen.map((exchange) => exchange.status)).toEqual([status])
    expect(seen.flatMap(checkS3)).toEqual([])
  })
})

describe('a call without an answer', () => {
  test('may have been acted on, unless nobody was there', async () => {
    const { s3, front } = stage()
    front.faults.add({ provider: 's3', verb: '*', kind: 'lose_reply', times: 1 })
    expect(await failure(s3.delete(KEY))).toMatchObject({ code: 'unavailable', outcome: 'unknown' })
    await front.stop()
    expect(await failure(s3.delete(KEY))).toMatchObject({ code: 'unavailable', outcome: 'refused' })
  })

  test('ends after the time-out of the clock', async () => {
    const { s3, front, clock, seen } = stage({ timeoutMs: 5_000 })
    front.faults.add({ provider: 's3', verb: '*', kind: 'timeout', times: 1 })
    const pending = failure(s3.head(KEY))
    for (let i = 0; i < 50 && seen.length === 0; i++) {
      await Bun.sleep(1)
      if (front.faults.list().length === 0) clock.advance(5_000)
    }
    expect(await pending).toMatchObject({ code: 'unavailable', outcome: 'unknown' })
  })

  test('is an answer without the facts too', async () => {
    const { s3 } = stage({ fetch: async () => new Response(null, { status: 200 }) })
    expect(await failure(s3.head(KEY))).toMatchObject({ code: 'unavailable', outcome: 'unknown' })
  })
})
