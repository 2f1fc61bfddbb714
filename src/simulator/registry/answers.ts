/** The codes of the OCI distribution specification that this registry answers with, and their statuses. */
const STATUSES = {
  BLOB_UNKNOWN: 404,
  MANIFEST_UNKNOWN: 404,
  NAME_INVALID: 400,
  NAME_UNKNOWN: 404,
  UNAUTHORIZED: 401,
  DENIED: 403,
  UNSUPPORTED: 405,
  TOOMANYREQUESTS: 429,
} as const

export type RegistryCode = keyof typeof STATUSES

/** Thrown inside the twin to answer with a registry's error. */
export class Refusal extends Error {
  constructor(
    readonly code: RegistryCode,
    message: string,
    readonly headers: Record<string, string> = {},
  ) {
    super(message)
  }
}

/** Whether registries know an error by this code. */
export function isRegistryCode(code: string): code is RegistryCode {
  return Object.hasOwn(STATUSES, code)
}

/** https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes */
export function errorAnswer(method: string, { code, message, headers }: Refusal, status?: number): Response {
  const body = JSON.stringify({ errors: [{ code, message }] })
  return new Response(method === 'HEAD' ? null : body, {
    status: status ?? STATUSES[code],
    headers: { 'content-type': 'application/json', ...headers },
  })
}
