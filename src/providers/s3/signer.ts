import { createHash, createHmac, type Hash, type Hmac } from 'node:crypto'
import type { SignatureV4 } from '@smithy/signature-v4'
import type { Clock } from '../../clock'
import { invalid } from '../../errors'

export type ObjectRequest = { method: string; url: string; headers: Record<string, string> }

export type SignerSettings = {
  endpoint: string
  region: string
  bucket: string
  accessKeyId: string
  secretAccessKey: string
  clock: Clock
}

const EXPIRES_MAX_SECONDS = 604_800
const KEY_BYTES_MAX = 1024

/** AWS's signature, version 4, for single objects of one bucket; the signer is the one of AWS's own SDK. */
export class Signer {
  private readonly endpoint: URL
  private signature: Promise<SignatureV4> | undefined

  constructor(private readonly settings: SignerSettings) {
    this.endpoint = new URL(settings.endpoint)
  }

  /** The request with a signature in its headers. */
  async signed(method: string, key: string): Promise<ObjectRequest> {
    return this.sign(this.request(method, key))
  }

  /** The same of a GET of the bucket itself. */
  async signedOfBucket(query: Record<string, string>): Promise<ObjectRequest> {
    return this.sign({ ...this.requestAt('GET', ''), query })
  }

  private async sign(request: ReturnType<Signer['requestAt']>): Promise<ObjectRequest> {
    const signature = await this.signer()
    const { headers, path, method } = await signature.sign(request, this.moment())
    // The host is signed, and sent by whoever sends the request.
    const { host: _host, ...sent } = headers
    const query = new URLSearchParams(request.query).toString()
    return { method, url: `${this.endpoint.origin}${path}${query && `?${query}`}`, headers: sent }
  }

  /** An address that holds the signature itself. Throws `invalid` for a time that S3 does not sign for. */
  async presigned(
    method: string,
    key: string,
    { expiresInSeconds, signedAtMs }: { expiresInSeconds: number; signedAtMs?: number },
  ): Promise<string> {
    if (
      !Number.isInteger(expiresInSeconds) ||
      expiresInSeconds < 1 ||
      expiresInSeconds > EXPIRES_MAX_SECONDS
    ) {
      throw invalid('A pre-signed address holds for 1 second to 7 days.')
    }
    const request = this.request(method, key)
    // Whoever gets the address makes the body, long after it was signed.
    request.headers['X-Amz-Content-Sha256'] = 'UNSIGNED-PAYLOAD'
    const signature = await this.signer()
    const moment = this.moment(signedAtMs)
    const { path, query } = await signature.presign(request, { ...moment, expiresIn: expiresInSeconds })
    return `${this.endpoint.origin}${path}?${new URLSearchParams(query as Record<string, string>)}`
  }

  private moment(atMs = this.settings.clock.now()) {
    return { signingDate: new Date(atMs) }
  }

  private request(method: string, key: string) {
    if (key === '' || Buffer.byteLength(key) > KEY_BYTES_MAX) {
      throw invalid('The key of an object has 1 to 1024 bytes.')
    }
    return this.requestAt(method, `/${encoded(key)}`)
  }

  private requestAt(method: string, place: string) {
    const { protocol, hostname, host, pathname } = this.endpoint
    const path = `${pathname.replace(/\/+$/, '')}/${encoded(this.settings.bucket)}${place}`
    const headers: Record<string, string> = { host }
    const query: Record<string, string> = {}
    return { method, protocol, hostname, path, query, headers }
  }

  // The package comes into memory with the first backup, not with every start.
  private signer(): Promise<SignatureV4> {
    const { region, accessKeyId, secretAccessKey } = this.settings
    this.signature ??= import('@smithy/signature-v4').then(
      ({ SignatureV4 }) =>
        new SignatureV4({
          service: 's3',
          region,
          credentials: { accessKeyId, secretAccessKey },
          sha256: Sha256,
          // S3 signs the path as it is sent; every other service has it encoded once more.
          uriEscapePath: false,
        }),
    )
    return this.signature
  }
}

/** Node's SHA-256 and HMAC in the shape that the signer wants. */
class Sha256 {
  private hash: Hash | Hmac

  constructor(private readonly secret?: string | ArrayBuffer | ArrayBufferView) {
    this.hash = this.fresh()
  }

  update(data: string | ArrayBuffer | ArrayBufferView): void {
    this.hash.update(bytesOf(data))
  }

  async digest(): Promise<Uint8Array> {
    return new Uint8Array(this.hash.digest())
  }

  reset(): void {
    this.hash = this.fresh()
  }

  private fresh(): Hash | Hmac {
    return this.secret === undefined ? createHash('sha256') : createHmac('sha256', bytesOf(this.secret))
  }
}

function bytesOf(data: string | ArrayBuffer | ArrayBufferView): Buffer {
  if (typeof data === 'string') return Buffer.from(data)
  if (data instanceof ArrayBuffer) return Buffer.from(data)
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength)
}

/** As S3 counts characters: all but letters, digits and `-._~`, in each part between slashes. */
function encoded(text: string): string {
  const byte = (character: string) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`
  return text
    .split('/')
    .map((part) => encodeURIComponent(part).replace(/[!'()*]/g, byte))
    .join('/')
}
