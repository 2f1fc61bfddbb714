import { type ErrorResponse, Resend } from 'resend'
import { AtlasError, type ErrorCode, type ErrorDetails } from '../errors'
import type { Mailer } from './mailer'

export type ResendSettings = { apiKey: string; apiUrl?: string; timeoutMs?: number }

const API_URL = 'https://api.resend.com'
const TIMEOUT_MS = 15_000

/** Resend through its own package. Rejects with AtlasError only; the same key with the same mail is sent once. */
export function createResend(settings: ResendSettings): Mailer {
  const resend = new Resend(settings.apiKey, { baseUrl: settings.apiUrl ?? API_URL })
  const timeoutMs = settings.timeoutMs ?? TIMEOUT_MS
  return {
    async send(mail, idempotencyKey) {
      const signal = AbortSignal.timeout(timeoutMs)
      const { data, error, headers } = await resend.emails.send(mail, { idempotencyKey, signal })
      if (error) throw asMailError(error, headers)
      if (typeof data?.id !== 'string') throw failure('unavailable', LOST, { outcome: 'unknown' })
      return { id: data.id }
    },
  }
}

const LOST = 'The answer of Resend was lost or came too late.'
const KEY_REFUSED = 'Resend does not accept the API key. Check RESEND_API_KEY.'

// The package never throws: it hides a broken connection behind an error without a status.
function asMailError(error: ErrorResponse, headers: Record<string, string> | null): AtlasError {
  const { statusCode: status, name: vendorCode } = error
  const refused: ErrorDetails = { vendorCode, outcome: 'refused', retryAfterMs: retryAfterMs(headers) }
  if (status === null) return failure('unavailable', LOST, { vendorCode, outcome: 'unknown' })
  switch (vendorCode) {
    case 'rate_limit_exceeded':
      return failure('unavailable', 'Resend asks to slow down.', refused)
    case 'daily_quota_exceeded':
    case 'monthly_quota_exceeded':
      return failure(
        'unavailable',
        "The mail quota at Resend is used up. Upgrade Resend's plan or wait.",
        refused,
      )
    case 'concurrent_idempotent_requests':
      return failure('unavailable', 'Resend is still sending this very mail.', {
        ...refused,
        outcome: 'unknown',
      })
    case 'invalid_idempotent_request':
      return failure('conflict', 'Another mail was already sent under this idempotency key.', { vendorCode })
    case 'missing_api_key':
    case 'restricted_api_key':
    case 'invalid_api_key':
      return failure('unauthorized', KEY_REFUSED, { vendorCode })
  }
  return asStatusError(status, refused)
}

function asStatusError(status: number, details: ErrorDetails): AtlasError {
  const { vendorCode } = details
  if (status === 429 || status === 503)
    return failure('unavailable', 'Resend asks to come back later.', details)
  if (status >= 500) {
    return failure('unavailable', 'Resend has a problem of its own.', { ...details, outcome: 'unknown' })
  }
  if (status === 401) return failure('unauthorized', KEY_REFUSED, { vendorCode })
  if (status === 403) {
    const message =
      'Resend does not let this key send from the address in EMAIL_FROM. Verify its domain at Resend.'
    return failure('forbidden', message, { vendorCode })
  }
  if (status === 400 || status === 422)
    return failure('invalid', 'Resend does not accept this mail.', { vendorCode })
  return failure('internal', 'Resend answered something that Atlas does not understand.', { vendorCode })
}

function retryAfterMs(headers: Record<string, string> | null): number | undefined {
  const seconds = Number(headers?.['retry-after'])
  return Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : undefined
}

function failure(code: ErrorCode, message: string, details: ErrorDetails): AtlasError {
  return new AtlasError(code, message, details)
}
