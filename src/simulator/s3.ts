import { createHash } from 'node:crypto'
import type { Fault } from './faults'
import { errorAnswer, Refusal, xmlAnswer } from './s3/answers'
import { listObjects } from './s3/list'
import { type S3Keys, verifySignature } from './s3/signature'
import type { Twin } from './twin'
import type { World } from './world'

export type S3Options = S3Keys & { bucket: string }

/** An object as the bucket holds it. */
export type StoredObject = {
  id: string
  key: string
  /** Base64. */
  body: string
  sizeBytes: number
  etag: string
  contentType: string
  storedAt: number
}

type Call = { key: string; url: URL; request: Request }

/** What S3 takes in one PUT. */
const OBJECT_BYTES_MAX = 5 * 1024 ** 3
const KEY_BYTES_MAX = 1024
const REFUSALS: Record<string, number> = {
  SlowDown: 503,
  ServiceUnavailable: 503,
  InternalError: 500,
  RequestTimeout: 400,
  AccessDenied: 403,
  SignatureDoesNotMatch: 403,
  InvalidAccessKeyId: 403,
  NoSuchBucket: 404,
  NoSuchKey: 404,
}

/** S3 (2006-03-01) with one bucket, addressed by path: single objects and their list, every signature verified. */
export class S3Twin implements Twin {
  readonly name = 's3'
  readonly prefix = '/s3'

  constructor(
    private readonly world: World,
    private readonly options: S3Options,
  ) {}

  private get objects() {
    return this.world.table<StoredObject>('s3_objects')
  }

  /** The objects of the bucket by key. */
  stored(): StoredObject[] {
    return this.objects.all().sort((a, b) => (a.key < b.key ? -1 : 1))
  }

  verbOf(request: Request): string {
    const { key } = this.placeOf(new URL(request.url))
    if (key === '') return request.method === 'GET' ? 'ListObjectsV2' : `${request.method} bucket`
    const verbs: Record<string, string> = {
      PUT: 'PutObject',
      GET: 'GetObject',
      HEAD: 'HeadObject',
      DELETE: 'DeleteObject',
    }
    return verbs[request.method] ?? `${request.method} object`
  }

  async handle(request: Request): Promise<Response> {
    try {
      return await this.answer(request)
    } catch (thrown) {
      if (!(thrown instanceof Refusal)) throw thrown
      return errorAnswer(this.world, request.method, thrown)
    }
  }

  refuse(request: Request, fault: Fault): Response {
    const code = fault.code ?? 'SlowDown'
    const status = fault.status ?? REFUSALS[code] ?? 503
    const refusal = new Refusal(status, code, 'The simulator refuses this request.')
    return errorAnswer(this.world, request.method, refusal)
  }

  /** Puts an object there that was stored at `storedAt`, in UTC milliseconds. */
  seed(key: string, bytes: Uint8Array, storedAt: number): void {
    this.keep(key, Buffer.from(bytes), 'binary/octet-stream', storedAt)
  }

  private async answer(request: Request): Promise<Response> {
    const url = new URL(request.url)
    const { bucket, key } = this.placeOf(url)
    await verifySignature(request, this.options, this.world.now())
    if (bucket !== this.options.bucket) {
      throw new Refusal(404, 'NoSuchBucket', 'The specified bucket does not exist')
    }
    if (key === '' && request.method === 'GET') {
      return xmlAnswer(this.world, listObjects(bucket, this.stored(), url.searchParams))
    }
    const verb = this.verbs[request.method]
    if (!verb || key === '') {
      throw new Refusal(405, 'MethodNotAllowed', 'The specified method is not allowed against this resource.')
    }
    if (Buffer.byteLength(key) > KEY_BYTES_MAX) {
      throw new Refusal(400, 'KeyTooLongError', 'Your key is too long')
    }
    return verb({ key, url, request })
  }

  private readonly verbs: Record<string, (call: Call) => Promise<Response> | Response> = {
    PUT: (call) => this.put(call),
    GET: ({ key }) => {
      const object = this.mustGet(key)
      return new Response(Buffer.from(object.body, 'base64'), { headers: headersOf(object) })
    },
    HEAD: ({ key }) => {
      const object = this.mustGet(key)
      const headers = { ...headersOf(object), 'content-length': String(object.sizeBytes) }
      return new Response(null, { headers })
    },
    DELETE: ({ key }) => {
      this.objects.delete(key)
      return new Response(null, { status: 204 })
    },
  }

  private async put({ key, request }: Call): Promise<Response> {
    const declared = request.headers.get('content-length')
    if (declared === null && request.headers.has('transfer-encoding')) {
      throw new Refusal(411, 'MissingContentLength', 'You must provide the Content-Length HTTP header.')
    }
    if (Number(declared) > OBJECT_BYTES_MAX) {
      throw new Refusal(400, 'EntityTooLarge', 'Your proposed upload exceeds the maximum allowed size')
    }
    const bytes = Buffer.from(await request.arrayBuffer())
    const type = request.headers.get('content-type') ?? 'binary/octet-stream'
    const { etag } = this.keep(key, bytes, type, this.world.now())
    return new Response(null, { headers: { etag: `"${etag}"` } })
  }

  private keep(key: string, bytes: Buffer, contentType: string, storedAt: number): StoredObject {
    const etag = createHash('md5').update(bytes).digest('hex')
    const body = bytes.toString('base64')
    return this.objects.put({ id: key, key, body, sizeBytes: bytes.length, etag, contentType, storedAt })
  }

  private mustGet(key: string): StoredObject {
    const object = this.objects.get(key)
    if (!object) throw new Refusal(404, 'NoSuchKey', 'The specified key does not exist.')
    return object
  }

  /** Bucket and key of a path such as `/s3/<bucket>/<key>`. */
  private placeOf({ pathname }: URL): { bucket: string; key: string } {
    const [bucket = '', ...parts] = pathname.slice(this.prefix.length + 1).split('/')
    try {
      return { bucket: decodeURIComponent(bucket), key: decodeURIComponent(parts.join('/')) }
    } catch {
      return { bucket: '', key: '' }
    }
  }
}

function headersOf({ etag, contentType, storedAt }: StoredObject): Record<string, string> {
  return {
    etag: `"${etag}"`,
    'content-type': contentType,
    'last-modified': new Date(storedAt).toUTCString(),
    'accept-ranges': 'bytes',
  }
}
