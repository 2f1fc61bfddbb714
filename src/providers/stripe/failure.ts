import Stripe from 'stripe'
import { AtlasError, asAtlasError, type ErrorCode, type ErrorDetails } from '../../errors'
import { REMEMBERED_FAILURE } from '../payments'

/**
 * Stripe's failure in our words (https://docs.stripe.com/api/errors). A 429 or 409 did nothing; a broken
 * connection, a time-out or a 5xx may have acted, so its outcome is unknown.
 */
export function asStripeFailure(thrown: unknown): AtlasError {
  if (thrown instanceof Stripe.errors.StripeConnectionError) return lostConnection(thrown)
  if (thrown instanceof Stripe.errors.StripeError) return answered(thrown)
  return asAtlasError(thrown)
}

// Bun's fetch and Node's each have a name for it; in both nothing was sent.
const NEVER_SENT = ['ConnectionRefused', 'ECONNREFUSED', 'FailedToOpenSocket', 'ENOTFOUND', 'EAI_AGAIN']

function lostConnection(error: Stripe.errors.StripeError): AtlasError {
  const { code } = error.detail as { code?: unknown }
  const vendorCode = typeof code === 'string' ? code : undefined
  if (vendorCode && NEVER_SENT.includes(vendorCode)) {
    return new AtlasError('unavailable', 'Stripe could not be reached.', {
      outcome: 'refused',
      vendorCode,
      cause: error,
    })
  }
  return new AtlasError('unavailable', 'The connection to Stripe broke before the answer came.', {
    outcome: 'unknown',
    vendorCode,
    cause: error,
  })
}

function answered(error: Stripe.errors.StripeError): AtlasError {
  const vendorCode = error.code ?? error.rawType
  const failure = (code: ErrorCode, message: string, details: ErrorDetails = {}) =>
    new AtlasError(code, message, { vendorCode, cause: error, ...details })
  const status = error.statusCode ?? 0
  if (status === 429 || status === 409 || vendorCode === 'lock_timeout' || vendorCode === 'rate_limit') {
    const retryAfterMs = retryAfter(error)
    return failure('unavailable', 'Stripe is busy and did nothing.', { outcome: 'refused', retryAfterMs })
  }
  if (error.rawType === 'idempotency_error') {
    return failure('conflict', 'Stripe knows this idempotency key from another request.')
  }
  if (vendorCode === 'resource_missing') return failure('not_found', 'Stripe does not know this object.')
  if (status === 401) return failure('unauthorized', 'Stripe refused the secret key.')
  if (status === 403) return failure('forbidden', 'The Stripe key may not do this.')
  if (status === 402) return failure('invalid', 'The card was declined.')
  if (status >= 400 && status < 500) return failure('invalid', 'Stripe refused the request.')
  return failure('unavailable', 'Stripe failed.', {
    outcome: 'unknown',
    vendorCode: isReplay(error) ? REMEMBERED_FAILURE : vendorCode,
  })
}

function retryAfter(error: Stripe.errors.StripeError): number | undefined {
  const seconds = Number(error.headers?.['retry-after'])
  return seconds > 0 ? seconds * 1000 : undefined
}

function isReplay(error: Stripe.errors.StripeError): boolean {
  return error.headers?.['idempotent-replayed'] === 'true'
}
