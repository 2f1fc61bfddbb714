export type ErrorBody = {
  type: 'api_error' | 'card_error' | 'idempotency_error' | 'invalid_request_error'
  message: string
  code?: string
  decline_code?: string
  param?: string
  doc_url?: string
}

/** A request that Stripe refuses, with the status and body it answers (https://docs.stripe.com/api/errors). */
export class Refusal extends Error {
  readonly body: ErrorBody

  constructor(
    readonly status: number,
    body: ErrorBody,
  ) {
    super(body.message)
    this.name = 'Refusal'
    this.body = body.code ? { ...body, doc_url: docUrl(body.code) } : body
  }
}

/** A malformed request: 400, with the parameter that is wrong. */
export function wrong(message: string, param?: string, code?: string): Refusal {
  return new Refusal(400, {
    type: 'invalid_request_error',
    message,
    ...(param && { param }),
    ...(code && { code }),
  })
}

/** An id that names nothing: 404 when it is in the path, 400 when it is a parameter. */
export function missing(noun: string, id: string, param: string, status = 404): Refusal {
  return new Refusal(status, {
    type: 'invalid_request_error',
    code: 'resource_missing',
    message: `No such ${noun}: '${id}'`,
    param,
  })
}

/** The body that goes with an injected refusal of this status. */
export function refusalFor(status: number, code?: string): Refusal {
  switch (status) {
    case 401:
      return new Refusal(401, { type: 'invalid_request_error', message: 'Invalid API Key provided.' })
    case 402:
      return cardDeclined(code ?? 'generic_decline')
    case 409:
      return inProgress()
    case 429:
      return new Refusal(429, {
        type: 'invalid_request_error',
        code: code ?? 'rate_limit',
        message: 'Request rate limit exceeded. Please retry with exponential backoff.',
      })
  }
  if (status >= 500) {
    return new Refusal(status, {
      type: 'api_error',
      message: 'An unexpected error occurred on our side. Please try again later.',
      ...(code && { code }),
    })
  }
  return new Refusal(status, {
    type: 'invalid_request_error',
    message: 'The request was refused.',
    ...(code && { code }),
  })
}

/** The first request under the same idempotency key is still at work. */
export function inProgress(): Refusal {
  return new Refusal(409, {
    type: 'invalid_request_error',
    code: 'idempotency_key_in_use',
    message:
      'There is currently another in-progress request using this Idempotent Key. Please try again later.',
  })
}

/** The bank refuses the card (https://docs.stripe.com/declines/codes). */
export function cardDeclined(declineCode: string): Refusal {
  return new Refusal(402, {
    type: 'card_error',
    code: 'card_declined',
    decline_code: declineCode,
    message: 'Your card was declined.',
  })
}

function docUrl(code: string): string {
  return `https://docs.stripe.com/error-codes#${code.replaceAll('_', '-')}`
}
