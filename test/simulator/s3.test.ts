import { afterEach, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ManualClock } from '../../src/clock'
import { createS3 } from '../../src/providers/s3'
import { Front } from '../../src/simulator/front'
import { S3Twin } from '../../src/simulator/s3'
import { verifySignature } from '../../src/simulator/s3/signature'
import type { Exchange } from '../../src/simulator/twin'
import { World } from '../../src/simulator/world'
import { checkS3 } from '../contract/s3'

const KEYS = { region: 'auto', accessKeyId: 'AKIA0', secretAccessKey: 'stays-secret' }

let front: Front | undefined
afterEach(() => front?.stop())

/** A bucket and Bun's own S3 client, which knows nothing of this simulator and goes by the machine's clock. */
function stage(file?: string, secretAccessKey = KEYS.secretAccessKey) {
  const world = new World({ clock: new ManualClock(Date.now()), file })
  const twin = new S3Twin(world, { ...KEYS, bucket: 'backups' })
  front = new Front(world, [twin], async () => null)
  const seen: Exchange[] = []
  front.observe((exchange) => void seen.push(exchange))
  const endpoint = `${front.listen(0)}/s3`
  const bucket = new Bun.S3Client({ ...KEYS, secretAccessKey, endpoint, bucket: 'backups' })
  return { world, twin, seen, bucket, endpoint, ask: (request: Request) => front!.answer(request) }
}

describe('a signature', () => {
  // https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html and sigv4-query-string-auth.html
  const AMAZON = {
    region: 'us-east-1',
    accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
    secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
  }
  const SCOPE = 'AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request'
  const AT = Date.UTC(2013, 4, 24)
  const OBJECT = 'https://examplebucket.s3.amazonaws.com/test.txt'
  const EMPTY = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
  const byHeader = (signature: string, range = 'bytes=0-9') =>
    new Request(OBJECT, {
      headers: {
        range,
        'x-amz-content-sha256': EMPTY,
        'x-amz-date': '20130524T000000Z',
        authorization: `AWS4-HMAC-SHA256 Credential=${SCOPE},SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,Signature=${signature}`,
      },
    })
  const byQuery = (signature: string) => {
    const query = new URLSearchParams({
      'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
      'X-Amz-Credential': SCOPE,
      'X-Amz-Date': '20130524T000000Z',
      'X-Amz-Expires': '86400',
      'X-Amz-SignedHeaders': 'host',
      'X-Amz-Signature': signature,
    })
    return new Request(`${OBJECT}?${query}`)
  }
  const IN_HEADER = 'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41'
  const IN_QUERY = 'aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404'

  test('of Amazon’s own examples is right, and any other is not', async () => {
    await verifySignature(byHeader(IN_HEADER), AMAZON, AT)
    await verifySignature(byQuery(IN_QUERY), AMAZON, AT)
    const wrong = [byHeader(IN_QUERY), byQuery(IN_HEADER), byHeader(IN_HEADER, 'bytes=0-10')]
    for (const request of wrong) {
      expect(verifySignature(request, AMAZON, AT)).rejects.toMatchObject({ code: 'SignatureDoesNotMatch' })
    }
  })

  test('ends a quarter of an hour after it was made, or when its address says so', async () => {
    const minutes = (count: number) => AT + count * 60_000
    await verifySignature(byHeader(IN_HEADER), AMAZON, minutes(15))
    await verifySignature(byQuery(IN_QUERY), AMAZON, minutes(24 * 60))
    const late = [
      [byHeader(IN_HEADER), minutes(16), 'RequestTimeTooSkewed'],
      [byQuery(IN_QUERY), minutes(24 * 60) + 1, 'AccessDenied'],
      [byQuery(IN_QUERY), minutes(-16), 'RequestTimeTooSkewed'],
    ] as const
    for (const [request, nowMs, code] of late) {
      expect(verifySignature(request, AMAZON, nowMs)).rejects.toMatchObject({ code, status: 403 })
    }
  })

  test('belongs to the body that it names', async () => {
    const { world, endpoint, ask, seen } = stage()
    const sent: Request[] = []
    const catching = async (request: Request) => {
      sent.push(request)
      return new Response(null, { status: 204 })
    }
    const client = createS3({ ...KEYS, endpoint, bucket: 'backups', clock: world.clock, fetch: catching })
    await client.delete('one')
    const { url, method, headers } = sent[0]!
    expect((await ask(new Request(url, { method, headers }))).status).toBe(204)
    const answer = await ask(new Request(url, { method, headers, body: 'slipped in' }))
    expect([answer.status, await answer.text()]).toEqual([
      400,
      expect.stringContaining('XAmzContentSHA256Mismatch'),
    ])
    expect(seen.flatMap(checkS3)).toEqual(['DeleteObject: a body where none belongs'])
  })

  test('is wanted of everybody', async () => {
    const { ask, seen } = stage()
    const answer = await ask(new Request('http://storage.example/s3/backups/one'))
    expect([answer.status, await answer.text()]).toEqual([403, expect.stringContaining('AccessDenied')])
    expect(seen.flatMap(checkS3)).toEqual([])
  })
})

describe('the bucket, asked by a client of somebody else', () => {
  test('keeps, tells, gives back and deletes', async () => {
    const { bucket, seen } = stage()
    const key = "tenants/ten_1/é (1)'.age"
    const bytes = crypto.getRandomValues(new Uint8Array(50_000))
    await bucket.write(key, bytes)
    expect(new Uint8Array(await bucket.file(key).arrayBuffer())).toEqual(bytes)
    expect(await bucket.stat(key)).toMatchObject({ size: 50_000 })
    const fetched = await fetch(bucket.presign(key))
    expect(new Uint8Array(await fetched.arrayBuffer())).toEqual(bytes)
    await bucket.delete(key)
    expect(await bucket.exists(key)).toBe(false)
    expect(seen.flatMap(checkS3)).toEqual([])
  })

  test('refuses another secret', async () => {
    const { bucket } = stage(undefined, 'another')
    expect(bucket.write('one', 'x')).rejects.toMatchObject({ code: 'SignatureDoesNotMatch' })
  })

  test('lists its objects by prefix, page by page', async () => {
    const { bucket, seen } = stage()
    for (const key of ['b/2', 'a/1', 'b/1', 'b/3', 'c&<']) await bucket.write(key, key)
    const list = async (input: Bun.S3ListObjectsOptions) => {
      const { contents, nextContinuationToken: next } = await bucket.list(input)
      return { keys: contents?.map(({ key }) => key), next }
    }
    expect((await list({})).keys).toEqual(['a/1', 'b/1', 'b/2', 'b/3', 'c&<'])
    const first = await list({ prefix: 'b/', maxKeys: 2 })
    expect(first.keys).toEqual(['b/1', 'b/2'])
    const second = await list({ prefix: 'b/', maxKeys: 2, continuationToken: first.next })
    expect(second).toEqual({ keys: ['b/3'], next: undefined })
    expect((await list({ startAfter: 'b/2' })).keys).toEqual(['b/3', 'c&<'])
    expect(list({ delimiter: '/' })).rejects.toMatchObject({ code: 'NotImplemented' })
    expect(seen.flatMap(checkS3)).toEqual([])
  })
})

describe('an upload', () => {
  const put = async ({ bucket, ask }: ReturnType<typeof stage>, headers: Record<string, string>) =>
    ask(new Request(bucket.presign('one', { method: 'PUT' }), { method: 'PUT', body: 'x', headers }))

  test('has at most 5 GiB, and a length that is told', async () => {
    const open = stage()
    const large = await put(open, { 'content-length': String(5 * 1024 ** 3 + 1) })
    expect([large.status, await large.text()]).toEqual([400, expect.stringContaining('EntityTooLarge')])
    const endless = await put(open, { 'transfer-encoding': 'chunked' })
    const words = expect.stringContaining('MissingContentLength')
    expect([endless.status, await endless.text()]).toEqual([411, words])
    expect(open.twin.stored()).toEqual([])
    expect(open.seen.flatMap(checkS3)).toEqual([])
  })

  test('takes the place of an older one, and outlives a restart', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'atlas-s3-'))
    const file = join(folder, 'clouds.db')
    const first = stage(file)
    await first.bucket.write('one', 'old')
    await first.bucket.write('one', 'newer')
    first.world.close()
    const second = stage(file)
    expect(await second.bucket.file('one').text()).toBe('newer')
    expect(second.twin.stored()).toHaveLength(1)
    second.world.close()
    rmSync(folder, { recursive: true })
  })
})
