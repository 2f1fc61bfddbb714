import { AtlasError, type ErrorCode, RATE_LIMITED } from '../errors'

const STATUS: Record<ErrorCode, number> = {
  invalid: 422,
  not_found: 404,
  conflict: 409,
  unauthorized: 401,
  forbidden: 403,
  unavailable: 503,
  internal: 500,
}

/** A refusal that HTTP has a narrower status for than its code has, such as 413 or 415. */
export class Refusal extends AtlasError {
  constructor(
    readonly status: number,
    message: string,
    code: ErrorCode = 'invalid',
  ) {
    super(code, message)
  }
}

/** The HTTP status of an error: the one place where codes become numbers. */
export function statusOf(error: AtlasError): number {
  if (error instanceof Refusal) return error.status
  if (error.vendorCode === RATE_LIMITED) return 429
  return STATUS[error.code]
}
