import { isIP } from 'node:net'
import type { Clock } from '../clock'
import { invalid } from '../errors'
import type { Probe, ProbeAnswer, ProbeRequest } from './probe'

export type ProbeOptions = {
  /** HTTP proxy to the servers; straight to them when absent. */
  gatewayUrl?: string
  clock: Clock
  /** Certificate authority (PEM) to trust instead of the public ones, for installations with one of their own. */
  ca?: string
}

const BODY_MAX_BYTES = 64 * 1024

/**
 * Asks one server for a URL: the request goes to the address, the Host header and the certificate are those of
 * the URL's name. Redirects are answers, never followed; at most 64 KB of the body are read. Throws `invalid`
 * for a URL that is not http(s) or an address that is not an IP; everything else is an answer.
 */
export function createProbe(options: ProbeOptions): Probe {
  return { get: (request) => probe(request, options) }
}

async function probe(request: ProbeRequest, options: ProbeOptions): Promise<ProbeAnswer> {
  const { clock } = options
  const url = parse(request)
  const startedAt = clock.now()
  const deadline = new AbortController()
  const disarm = clock.at(startedAt + request.timeoutMs, () => deadline.abort(new Error('probe time-out')))
  try {
    const response = await ask(url, request.address, options, deadline.signal)
    const body = await readBody(response)
    const tookMs = clock.now() - startedAt
    const stopped = options.gatewayUrl ? stoppedAtGateway(response) : null
    return stopped
      ? { ok: false, reason: stopped, tookMs }
      : { ok: true, status: response.status, body, tookMs }
  } catch (thrown) {
    const reason = deadline.signal.aborted ? lateReason(request.timeoutMs) : reasonOf(thrown, options)
    return { ok: false, reason, tookMs: clock.now() - startedAt }
  } finally {
    disarm()
  }
}

function parse({ url, address }: ProbeRequest): URL {
  if (!isIP(address)) throw invalid('A server is asked by its IP address only.')
  const parsed = URL.canParse(url) ? new URL(url) : null
  if (parsed?.protocol !== 'http:' && parsed?.protocol !== 'https:') {
    throw invalid('Only http:// and https:// addresses can be asked.')
  }
  return parsed
}

function ask(
  url: URL,
  address: string,
  { gatewayUrl, ca }: ProbeOptions,
  signal: AbortSignal,
): Promise<Response> {
  const target = new URL(url)
  target.hostname = isIP(address) === 6 ? `[${address}]` : address
  return fetch(target, {
    headers: { Host: url.host, 'Accept-Encoding': 'identity', 'User-Agent': 'Atlas-Probe/1' },
    redirect: 'manual',
    // Nothing packed was asked for, and a packed kilobyte may be a megabyte.
    decompress: false,
    // A kept connection would go on answering for a server that takes no new ones.
    keepalive: false,
    // `false` and respectNoProxy: the environment's proxy settings have no say in where a probe goes.
    proxy: gatewayUrl ? { url: gatewayUrl, respectNoProxy: false } : false,
    tls: url.protocol === 'https:' ? { serverName: url.hostname, ca } : undefined,
    signal,
  })
}

async function readBody(response: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of response.body ?? []) {
    chunks.push(chunk)
    bytes += chunk.length
    if (bytes >= BODY_MAX_BYTES) break
  }
  return Buffer.concat(chunks).toString('utf8', 0, BODY_MAX_BYTES)
}

/** RFC 9209: a proxy that answers for a server it cannot reach says so in Proxy-Status. */
function stoppedAtGateway(response: Response): string | null {
  const error = response.headers.get('proxy-status')?.match(/;\s*error="?([a-z_]+)/)?.[1]
  if (!error) return null
  return error === 'connection_refused' ? REFUSED : 'The gateway could not reach the server.'
}

const REFUSED = 'The server refused the connection: no web server is running on it yet.'
const UNTRUSTED = 'The certificate comes from no known authority: perhaps it has not been issued yet.'

const REASONS: Record<string, string> = {
  ECONNREFUSED: REFUSED,
  ECONNRESET: 'The connection broke before the answer was complete.',
  EHOSTUNREACH: 'The server cannot be reached.',
  ENETUNREACH: 'The server cannot be reached.',
  EPROTO: 'The server does not speak https on this port yet.',
  ERR_PROXY_TUNNEL: 'The gateway could not reach the server.',
  ERR_TLS_CERT_ALTNAME_INVALID: 'The server showed a certificate for another name.',
  CERT_HAS_EXPIRED: 'The certificate has expired.',
  CERT_NOT_YET_VALID: 'The certificate is not valid yet.',
  DEPTH_ZERO_SELF_SIGNED_CERT: UNTRUSTED,
  SELF_SIGNED_CERT_IN_CHAIN: UNTRUSTED,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNTRUSTED,
}

function reasonOf(thrown: unknown, { gatewayUrl }: ProbeOptions): string {
  const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : ''
  // A gateway answers for a server that refuses, so this is the gateway itself.
  if (code === 'ECONNREFUSED' && gatewayUrl) return 'The gateway to the servers cannot be reached.'
  return REASONS[code] ?? 'The server gave no answer that could be read.'
}

function lateReason(timeoutMs: number): string {
  return `No answer within ${timeoutMs < 1000 ? `${timeoutMs} ms` : `${Math.round(timeoutMs / 1000)} s`}.`
}
