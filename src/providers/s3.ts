import type { Clock } from '../clock'
import { AtlasError } from '../errors'
import type { Objects, StoredObject } from './objects'
import { noAnswer, refusal } from './s3/errors'
import { readPage } from './s3/list'
import { type ObjectRequest, Signer } from './s3/signer'

export type S3Settings = {
  /** Such as `https://fsn1.your-objectstorage.com`; buckets are addressed by path. */
  endpoint: string
  region: string
  bucket: string
  accessKeyId: string
  secretAccessKey: string
  clock: Clock
  timeoutMs?: number
  fetch?: (request: Request) => Promise<Response>
}

const TIMEOUT_MS = 15_000

/** S3-compatible storage: one bucket, by pre-signed addresses and a few signed calls. Rejects with AtlasError only. */
export function createS3(settings: S3Settings): Objects {
  const signer = new Signer(settings)
  return {
    uploadUrl: (key, expiresInSeconds, signedAtMs) =>
      signer.presigned('PUT', key, { expiresInSeconds, signedAtMs }),
    downloadUrl: (key, expiresInSeconds, signedAtMs) =>
      signer.presigned('GET', key, { expiresInSeconds, signedAtMs }),

    async head(key) {
      const { status, headers } = await exchange(settings, await signer.signed('HEAD', key))
      // An answer to HEAD has no body, so a bucket that is missing looks the same.
      if (status === 404) return null
      if (status !== 200) throw refusal(status, '')
      return storedObject(headers)
    },

    async list(prefix, take) {
      let token: string | null = null
      do {
        const continued: Record<string, string> = token === null ? {} : { 'continuation-token': token }
        const asked = await signer.signedOfBucket({ 'list-type': '2', prefix, ...continued })
        const { status, text } = await exchange(settings, asked)
        if (status !== 200) throw refusal(status, text)
        const { objects, next } = readPage(text)
        take(objects)
        token = next
      } while (token !== null)
    },

    async read(key, take) {
      await send(settings, await signer.signed('GET', key), async (response, goesOn) => {
        if (response.status !== 200) throw refusal(response.status, await response.text())
        for await (const piece of response.body ?? []) {
          goesOn()
          take(piece)
        }
      })
    },

    async delete(key) {
      const { status, text } = await exchange(settings, await signer.signed('DELETE', key))
      if (status === 204 || status === 200) return
      const refused = refusal(status, text)
      if (refused.vendorCode !== 'NoSuchKey') throw refused
    },
  }
}

type Answer = { status: number; headers: Headers; text: string }

function exchange(settings: S3Settings, request: ObjectRequest): Promise<Answer> {
  return send(settings, request, async (response) => {
    const { status, headers } = response
    return { status, headers, text: await response.text() }
  })
}

/** One request, and what is made of its answer; given up when nothing came for too long since the last `goesOn`. */
async function send<T>(
  { clock, timeoutMs = TIMEOUT_MS, fetch = globalThis.fetch }: S3Settings,
  { method, url, headers }: ObjectRequest,
  read: (response: Response, goesOn: () => void) => Promise<T>,
): Promise<T> {
  const abort = new AbortController()
  const patience = () => clock.at(clock.now() + timeoutMs, () => abort.abort())
  let cancel = patience()
  try {
    // A redirect would lead to another region, which the signature is not for.
    const request = new Request(url, { method, headers, redirect: 'manual', signal: abort.signal })
    return await read(await fetch(request), () => {
      cancel()
      cancel = patience()
    })
  } catch (thrown) {
    throw thrown instanceof AtlasError ? thrown : noAnswer(thrown, abort.signal.aborted)
  } finally {
    cancel()
  }
}

function storedObject(headers: Headers): StoredObject {
  const sizeBytes = Number(headers.get('content-length') ?? Number.NaN)
  const createdAt = Date.parse(headers.get('last-modified') ?? '')
  if (!Number.isSafeInteger(sizeBytes) || Number.isNaN(createdAt)) throw noAnswer(undefined, false)
  return { sizeBytes, createdAt }
}
