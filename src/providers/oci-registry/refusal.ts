import type { Clock } from '../../clock'
import { AtlasError, notFound, unauthorized, unavailable } from '../../errors'

/** What a registry's answer other than 200 means. */
export function asRefusal({ status, headers }: Response, withCredentials: boolean, clock: Clock): AtlasError {
  if (status === 404) return notFound('The registry has no such image or tag.')
  if (status === 401 || status === 403) {
    return unauthorized(
      withCredentials
        ? 'The registry does not let REGISTRY_USERNAME and REGISTRY_PASSWORD read this image, or there is none.'
        : 'The registry does not let everybody read this image, or there is none. Set REGISTRY_HOST, REGISTRY_USERNAME and REGISTRY_PASSWORD for a private one.',
    )
  }
  const vendorCode = `http_${status}`
  const retryAfterMs = retryAfterIn(headers, clock)
  if (status === 429) {
    const message = 'The registry asks to slow down.'
    return unavailable(message, { vendorCode, outcome: 'refused', retryAfterMs })
  }
  if (status >= 500) {
    const message = 'The registry has a problem of its own.'
    return unavailable(message, { vendorCode, outcome: 'refused', retryAfterMs })
  }
  return new AtlasError('internal', 'The registry answered something that Atlas does not understand.', {
    vendorCode,
  })
}

/** The registry contradicts itself, or sends Atlas where it must not go. */
export function inconsistent(): AtlasError {
  return unavailable('The registry’s answer cannot be trusted: it does not hold together.', {
    vendorCode: 'inconsistent',
    outcome: 'refused',
  })
}

export function tooMuch(): AtlasError {
  return new AtlasError('internal', 'The registry answered with more than a manifest may have.', {
    vendorCode: 'too_much_output',
  })
}

/** Seconds or a date. */
function retryAfterIn(headers: Headers, clock: Clock): number | undefined {
  const text = headers.get('retry-after') ?? ''
  const ms = /^\d{1,6}$/.test(text) ? Number(text) * 1000 : Date.parse(text) - clock.now()
  return ms > 0 ? ms : undefined
}
