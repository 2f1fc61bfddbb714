import { Refusal } from './errors'
import { API_VERSION } from './events'
import type { Answer } from './idempotency'

/** A refusal as Stripe sends it. */
export function failed(refusal: Refusal, requestId: string): Answer {
  return { status: refusal.status, body: JSON.stringify({ error: refusal.body }, null, 2), requestId }
}

/** The response of an answer, told apart when it is a replay under an idempotency key. */
export function respond(answer: Answer, requestId: string, key?: string, isReplay = false): Response {
  return new Response(answer.body, {
    status: answer.status,
    headers: {
      'content-type': 'application/json',
      'cache-control': 'no-cache, no-store',
      'request-id': requestId,
      'stripe-version': API_VERSION,
      ...(key && { 'idempotency-key': key }),
      ...(isReplay && {
        'idempotent-replayed': 'true',
        'original-request': answer.requestId,
        'stripe-should-retry': 'false',
      }),
    },
  })
}

/** A call without a key, or with a wrong one. */
export function unauthenticated(message: string): Refusal {
  return new Refusal(401, { type: 'invalid_request_error', message })
}

/** An address at which Stripe has nothing. */
export function unrecognized(method: string, pathname: string): Refusal {
  return new Refusal(404, {
    type: 'invalid_request_error',
    message: `Unrecognized request URL (${method}: ${pathname}).`,
  })
}
