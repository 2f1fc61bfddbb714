import { createHash } from 'node:crypto'
import type { Clock } from '../clock'
import { AtlasError, unavailable } from '../errors'
import { type Challenge, type Credentials, challengeIn, tokenUrl } from './oci-registry/challenge'
import { asRefusal, inconsistent, tooMuch } from './oci-registry/refusal'
import type { ImageRef, Registry } from './registry'

export type RegistrySettings = {
  /** The registry that the credentials are for, such as `ghcr.io`; they are never sent for another one's images. */
  host?: string
  username?: string
  password?: string
  /** Another address for all registries, in place of `https://<host>`. */
  apiUrl?: string
  clock: Clock
  timeoutMs?: number
  fetch?: (request: Request) => Promise<Response>
}

type Ask = { url: URL; headers: Record<string, string> }

/** An index of images for several platforms, or the image of one. */
const MANIFESTS = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.docker.distribution.manifest.v2+json',
].join(', ')
const TIMEOUT_MS = 15_000
const REDIRECTS_MAX = 3
/** What every registry has to take, and so the most that one can have. */
const MANIFEST_BYTES_MAX = 4 * 1024 * 1024
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3})(:|$)/

/**
 * Container registries by the OCI distribution specification, with tokens as Docker's registries give them.
 * Rejects with AtlasError only. https://github.com/opencontainers/distribution-spec/blob/main/spec.md
 */
export function createRegistry(settings: RegistrySettings): Registry {
  const client = new Client(settings)
  return { resolve: (image) => client.resolve(image) }
}

class Client {
  constructor(private readonly settings: RegistrySettings) {}

  async resolve(image: ImageRef): Promise<{ digest: string }> {
    const url = new URL(`${this.baseOf(image)}/v2/${image.repository}/manifests/${image.tag}`)
    const credentials = this.credentialsFor(image)
    const first = await this.ask({ url, headers: { accept: MANIFESTS } })
    const challenge = first.status === 401 ? challengeIn(first) : null
    const answer = challenge ? await this.askAs(url, challenge, credentials) : first
    if (answer.status !== 200) throw asRefusal(answer, credentials !== null, this.settings.clock)
    return { digest: digestOf(await bytesOf(answer), answer) }
  }

  private async askAs(url: URL, challenge: Challenge, credentials: Credentials | null): Promise<Response> {
    const authorization =
      challenge.scheme === 'basic'
        ? credentials && basic(credentials)
        : await this.token(challenge, credentials)
    return this.ask({ url, headers: { accept: MANIFESTS, ...(authorization ? { authorization } : {}) } })
  }

  private async token(
    challenge: Challenge & { scheme: 'bearer' },
    credentials: Credentials | null,
  ): Promise<string> {
    const headers = credentials ? { authorization: basic(credentials) } : undefined
    const answer = await this.ask({ url: tokenUrl(challenge), headers: headers ?? {} })
    if (answer.status !== 200) throw asRefusal(answer, credentials !== null, this.settings.clock)
    const token = tokenIn(Buffer.from(await bytesOf(answer)).toString())
    if (!token) throw inconsistent()
    return `Bearer ${token}`
  }

  private async ask(ask: Ask, redirects = 0): Promise<Response> {
    const answer = await this.send(ask)
    const location = answer.headers.get('location')
    if (![301, 302, 303, 307, 308].includes(answer.status) || location === null) return answer
    await answer.body?.cancel()
    const url = URL.canParse(location, ask.url.href) ? new URL(location, ask.url.href) : null
    if (!url || redirects >= REDIRECTS_MAX || !isSafe(url, ask.url)) throw inconsistent()
    if (url.origin === ask.url.origin) return this.ask({ url, headers: ask.headers }, redirects + 1)
    const { authorization: _left, ...headers } = ask.headers
    const other = await this.ask({ url, headers }, redirects + 1)
    // Nobody but the registry itself may ask for its credentials.
    other.headers.delete('www-authenticate')
    return other
  }

  private async send({ url, headers }: Ask): Promise<Response> {
    const { fetch: send = fetch, timeoutMs = TIMEOUT_MS } = this.settings
    const request = new Request(url.href, {
      headers,
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
    })
    try {
      return await send(request)
    } catch (cause) {
      throw unavailable('The image registry could not be reached.', { outcome: 'refused', cause })
    }
  }

  private baseOf({ host }: ImageRef): string {
    const { apiUrl } = this.settings
    // As Docker does: what is on this machine needs no certificate.
    return apiUrl?.replace(/\/+$/, '') ?? `${LOOPBACK.test(host) ? 'http' : 'https'}://${host}`
  }

  private credentialsFor({ host }: ImageRef): Credentials | null {
    const { username, password } = this.settings
    const isTheirs = hostOf(this.settings.host ?? '') === hostOf(host)
    return username && password && isTheirs ? { username, password } : null
  }
}

/** Docker Hub goes by several names. */
function hostOf(host: string): string {
  return ['docker.io', 'index.docker.io'].includes(host) ? 'registry-1.docker.io' : host
}

/** Undefined when there is none that could stand in a header. */
function tokenIn(text: string): string | undefined {
  try {
    const given = JSON.parse(text) as Record<string, unknown> | null
    const token = given?.token ?? given?.access_token
    return typeof token === 'string' && /^[\x21-\x7e]+$/.test(token) ? token : undefined
  } catch {
    return undefined
  }
}

/** What a registry answers for must be what it sends. */
function digestOf(body: Uint8Array, { headers }: Response): string {
  const digest = `sha256:${createHash('sha256').update(body).digest('hex')}`
  const said = headers.get('docker-content-digest')
  if (said !== null && said !== digest) throw inconsistent()
  return digest
}

async function bytesOf(answer: Response): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  try {
    for await (const chunk of answer.body ?? []) {
      bytes += chunk.length
      if (bytes > MANIFEST_BYTES_MAX) throw tooMuch()
      chunks.push(chunk)
    }
  } catch (thrown) {
    if (thrown instanceof AtlasError) throw thrown
    throw unavailable('The answer of the image registry broke off.', { outcome: 'refused', cause: thrown })
  }
  return Buffer.concat(chunks)
}

/** Nothing that was asked for in secret may go on in the open. */
function isSafe(to: URL, from: URL): boolean {
  return to.protocol === 'https:' || (from.protocol === 'http:' && to.protocol === 'http:')
}

function basic({ username, password }: Credentials): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
}
