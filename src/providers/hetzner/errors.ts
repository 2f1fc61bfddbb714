import { AtlasError, type ErrorCode, notFound, unavailable } from '../../errors'

type Meaning = { code: ErrorCode; message: string; outcome?: 'refused' | 'unknown' }

const busy = (message: string): Meaning => ({ code: 'unavailable', message, outcome: 'refused' })
const lost = (message: string): Meaning => ({ code: 'unavailable', message, outcome: 'unknown' })

/**
 * What each of Hetzner's error codes means to Atlas, in words for the operator. The codes are those of
 * https://docs.hetzner.cloud/reference/cloud#description/errors and of the operations that Atlas calls.
 */
const MEANINGS: Record<string, Meaning> = {
  rate_limit_exceeded: busy('Hetzner takes no more requests for now: its hourly limit is used up.'),
  locked: busy('Hetzner is still working on this server. Atlas will try again.'),
  conflict: busy('The server changed at Hetzner during the request. Atlas will try again.'),
  maintenance: busy('Hetzner is under maintenance. Atlas will try again.'),
  unavailable: busy('This part of Hetzner is not available right now. Atlas will try again.'),
  service_error: busy('A service inside Hetzner failed. Atlas will try again.'),
  placement_error: busy('Hetzner found no place for the server just now. Atlas will try again.'),
  server_error: lost('Hetzner had an internal error; it may have acted nevertheless.'),
  timeout: lost('Hetzner did not finish in time; it may have acted nevertheless.'),
  resource_unavailable: {
    code: 'conflict',
    message:
      'Hetzner has no free server of this type in this location. Retry later, or choose another location or type.',
  },
  resource_limit_exceeded: {
    code: 'conflict',
    message:
      "The Hetzner project has reached its limit. Ask for a higher one in the Hetzner Console under 'Limits', or delete what is no longer needed, then retry.",
  },
  uniqueness_error: { code: 'conflict', message: 'Something of that name exists at Hetzner already.' },
  protected: {
    code: 'conflict',
    message: 'This is protected at Hetzner. Switch the protection off in the Hetzner Console, then retry.',
  },
  resource_in_use: { code: 'conflict', message: 'Hetzner still uses this for something else.' },
  must_be_unassigned: { code: 'conflict', message: 'This address still belongs to a server.' },
  server_not_stopped: { code: 'conflict', message: 'The server must be switched off first.' },
  unsupported_error: { code: 'conflict', message: 'Hetzner cannot do this with this server.' },
  invalid_server_type: { code: 'invalid', message: 'This server type does not fit, or is no longer sold.' },
  invalid_input: { code: 'invalid', message: 'Hetzner does not accept these values.' },
  json_error: { code: 'internal', message: 'Hetzner could not read what Atlas sent.' },
  method_not_allowed: { code: 'internal', message: 'Hetzner does not know this kind of request.' },
  deprecated_api_endpoint: {
    code: 'internal',
    message: 'Hetzner has removed a function that this version of Atlas uses. Update Atlas.',
  },
  not_found: { code: 'not_found', message: 'Hetzner knows nothing by this id or name.' },
  firewall_resource_not_found: { code: 'not_found', message: 'What the firewall should protect is gone.' },
  unauthorized: {
    code: 'unauthorized',
    message: 'Hetzner does not accept the token. Check HETZNER_API_TOKEN.',
  },
  token_readonly: {
    code: 'forbidden',
    message: 'The Hetzner token may only read. Make one with read and write permission.',
  },
  forbidden: { code: 'forbidden', message: 'The Hetzner token has no permission for this.' },
}

// Hetzner says this without naming a field, and it is the one mistake a blueprint makes most easily.
const UNSUPPORTED_LOCATION = 'unsupported location for server type'

/** What `ask` resolves to, or null when Hetzner knows nothing by that id. */
export async function orNull<T>(ask: () => Promise<T>): Promise<T | null> {
  try {
    return await ask()
  } catch (thrown) {
    if (thrown instanceof AtlasError && thrown.code === 'not_found') return null
    throw thrown
  }
}

export const serverGone = () => notFound('The server no longer exists at Hetzner.')

export const isRefusedAs = (thrown: unknown, vendorCode: string): thrown is AtlasError =>
  thrown instanceof AtlasError && thrown.vendorCode === vendorCode

// Hetzner's lists may lag behind its writes, so a taken name that is not listed is a matter of moments.
export const notYetListed = (cause: unknown) =>
  unavailable('Hetzner says that the name is taken but does not list it yet.', {
    outcome: 'refused',
    vendorCode: 'uniqueness_error',
    cause,
  })

type WireError = { code: string; message: string; fields: Record<string, string> }

/** The error that Hetzner's refusal becomes. Nothing of the answer's text gets into the message. */
export function refusal(status: number, body: unknown, retryAfterMs?: number): AtlasError {
  const wire = readError(body)
  const meaning = (wire && MEANINGS[wire.code]) ?? meaningOfStatus(status, wire !== null)
  const where = wire?.message === UNSUPPORTED_LOCATION
  return new AtlasError(
    meaning.code,
    where ? 'Hetzner does not sell this server type in this location.' : meaning.message,
    {
      outcome: meaning.outcome,
      vendorCode: wire?.code ?? `http_${status}`,
      fields: where ? { location: 'not sold here' } : nonEmpty(wire?.fields),
      retryAfterMs: meaning.code === 'unavailable' ? retryAfterMs : undefined,
    },
  )
}

function meaningOfStatus(status: number, spokeHetzner: boolean): Meaning {
  if (status === 429 || status === 503) return busy('Hetzner is not available right now.')
  if (status >= 500) return lost('Hetzner answered with an error of its own; it may have acted nevertheless.')
  // Without a code of Hetzner's it was somebody else who answered, so not even a 404 may be believed.
  if (spokeHetzner && [409, 412, 423].includes(status))
    return { code: 'conflict', message: 'Hetzner refused this.' }
  if (spokeHetzner && [400, 422].includes(status)) return MEANINGS.invalid_input!
  return { code: 'internal', message: 'Hetzner gave an answer that Atlas does not understand.' }
}

/** `error: {code, message, details: {fields: [{name, messages}]}}`, as far as it is there. */
function readError(body: unknown): WireError | null {
  const error = member(body, 'error')
  const code = member(error, 'code')
  if (typeof code !== 'string' || !/^[a-z0-9_]{1,64}$/.test(code)) return null
  const message = member(error, 'message')
  const listed = member(member(error, 'details'), 'fields')
  const fields: Record<string, string> = {}
  for (const field of Array.isArray(listed) ? listed : []) {
    const name = member(field, 'name')
    // Only the name: the reason that stands beside it may quote what was sent.
    if (typeof name === 'string' && /^[a-z0-9_.]{1,64}$/.test(name)) fields[name] = 'not accepted by Hetzner'
  }
  return { code, message: typeof message === 'string' ? message : '', fields }
}

const member = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined

const nonEmpty = (fields: Record<string, string> | undefined) =>
  fields && Object.keys(fields).length > 0 ? fields : undefined

// Bun's and Node's names for a connection that never came to be: Hetzner saw nothing of the request.
const NEVER_CONNECTED = new Set([
  'ConnectionRefused',
  'FailedToOpenSocket',
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'CERT_HAS_EXPIRED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
])

/** The error for a request without an answer; `timedOut` when Atlas itself gave up. */
export function noAnswer(thrown: unknown, timedOut: boolean): AtlasError {
  const code = member(thrown, 'code')
  if (!timedOut && typeof code === 'string' && NEVER_CONNECTED.has(code)) {
    return new AtlasError('unavailable', 'Hetzner cannot be reached.', {
      outcome: 'refused',
      vendorCode: code,
    })
  }
  return new AtlasError(
    'unavailable',
    timedOut ? 'Hetzner did not answer in time.' : "Hetzner's answer was lost on the way.",
    { outcome: 'unknown' },
  )
}
