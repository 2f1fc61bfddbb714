import * as v from 'valibot'

/** Hetzner's error body. https://docs.hetzner.cloud/reference/cloud#description/errors */
export class Refusal extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly details: Record<string, unknown> | null = null,
    readonly status = STATUS_OF_CODE[code] ?? 422,
  ) {
    super(message)
    this.name = 'Refusal'
  }
}

const STATUS_OF_CODE: Record<string, number> = {
  json_error: 400,
  unauthorized: 401,
  token_readonly: 401,
  forbidden: 403,
  maintenance: 403,
  resource_limit_exceeded: 403,
  not_found: 404,
  method_not_allowed: 405,
  uniqueness_error: 409,
  conflict: 409,
  deprecated_api_endpoint: 410,
  resource_unavailable: 412,
  locked: 423,
  protected: 423,
  rate_limit_exceeded: 429,
  server_error: 500,
  unavailable: 503,
  timeout: 504,
}

/** There is no such thing in the project. */
export function notFound(noun: string, idOrName: string | number): Refusal {
  return new Refusal('not_found', `${noun} with ID '${idOrName}' not found`)
}

/** Another thing of its kind has this name, or whatever `field` says. */
export function nameTaken(noun: string, field = 'name'): Refusal {
  return new Refusal('uniqueness_error', `${noun} ${field} is already used`, { fields: [{ name: field }] })
}

/** One field of the body is not what the operation takes. */
export function invalidInput(field: string, reason: string): Refusal {
  const details = { fields: [{ name: field, messages: [reason] }] }
  return new Refusal('invalid_input', `invalid input in field '${field}': ${reason}`, details)
}

/** A refusal in Hetzner's own shape. */
export function refusalAnswer({ status, code, message, details }: Refusal): Response {
  return Response.json({ error: { code, message, details } }, { status })
}

type Schema = v.BaseSchema<unknown, unknown, v.BaseIssue<unknown>>

/** The body in the shape the operation takes. Throws `invalid_input` with every field that is wrong. */
export function parse<S extends Schema>(schema: S, body: unknown): v.InferOutput<S> {
  const result = v.safeParse(schema, body ?? {})
  if (result.success) return result.output
  const reasons = new Map<string, string[]>()
  for (const issue of result.issues) {
    const field = String(issue.path?.[0]?.key ?? 'body')
    reasons.set(field, [...(reasons.get(field) ?? []), issue.message])
  }
  const names = [...reasons.keys()].map((name) => `'${name}'`).join(', ')
  const fields = [...reasons].map(([name, messages]) => ({ name, messages }))
  throw new Refusal('invalid_input', `invalid input in fields ${names}`, { fields })
}

/** Hetzner's way to write a moment. */
export const timestamp = (ms: number) => new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z')
