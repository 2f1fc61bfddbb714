/** The codes that every refusal in Atlas carries. Only `unavailable` is worth retrying. */
export type ErrorCode =
  | 'invalid'
  | 'not_found'
  | 'conflict'
  | 'unauthorized'
  | 'forbidden'
  | 'unavailable'
  | 'internal'

export type ErrorDetails = {
  /** What is wrong, by field name, in words for the person who typed it. */
  fields?: Record<string, string>
  /** How long to wait before the next try, in milliseconds. */
  retryAfterMs?: number
  /**
   * For a failed outside call: `refused` when the other side surely did nothing, `unknown` when it may have
   * acted and only the reply was lost.
   */
  outcome?: 'refused' | 'unknown'
  /** The other side's own error code, such as Hetzner's `uniqueness_error`; for logs and decisions. */
  vendorCode?: string
  /** What else the other side said of it, for decisions and logs. */
  facts?: Readonly<Record<string, unknown>>
  cause?: unknown
}

/** An error with a message that may be shown to a person: never put input, secrets or internals in it. */
export class AtlasError extends Error {
  readonly code: ErrorCode
  readonly fields?: Record<string, string>
  readonly retryAfterMs?: number
  readonly outcome?: 'refused' | 'unknown'
  readonly vendorCode?: string
  readonly facts?: Readonly<Record<string, unknown>>

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, { cause: details.cause })
    this.name = 'AtlasError'
    this.code = code
    this.fields = details.fields
    this.retryAfterMs = details.retryAfterMs
    this.outcome = details.outcome
    this.vendorCode = details.vendorCode
    this.facts = details.facts
  }
}

export const invalid = (message: string, fields?: Record<string, string>, cause?: unknown) =>
  new AtlasError('invalid', message, { fields, cause })
export const notFound = (message: string) => new AtlasError('not_found', message)
export const conflict = (message: string, details?: ErrorDetails) =>
  new AtlasError('conflict', message, details)
export const unauthorized = (message: string) => new AtlasError('unauthorized', message)
export const forbidden = (message: string) => new AtlasError('forbidden', message)
export const unavailable = (message: string, details?: ErrorDetails) =>
  new AtlasError('unavailable', message, details)

/** The vendorCode of Atlas's own refusal to somebody who asks too often; HTTP says 429. */
export const RATE_LIMITED = 'rate_limited'

export const tooOften = (retryAfterMs: number) =>
  new AtlasError('unavailable', 'Too many tries. Wait a little, then try again.', {
    retryAfterMs,
    vendorCode: RATE_LIMITED,
    outcome: 'refused',
  })

/** Makes an AtlasError of anything thrown; what Atlas did not foresee becomes `internal` with its cause kept. */
export function asAtlasError(thrown: unknown): AtlasError {
  if (thrown instanceof AtlasError) return thrown
  return new AtlasError('internal', 'Something went wrong inside Atlas. The log has the details.', {
    cause: thrown,
  })
}
