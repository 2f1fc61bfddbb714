import { invalid } from '../errors'
import { Refusal } from './refusal'

const BODY_BYTES_MAX = 64 * 1024
const FIELDS_MAX = 50

/**
 * The raw body as text. Throws 413 when it is longer than `bytesMax`, without reading on.
 */
export async function readText(request: Request, bytesMax = BODY_BYTES_MAX): Promise<string> {
  const tooLarge = () => new Refusal(413, `The request has more than ${bytesMax} bytes.`)
  if (Number(request.headers.get('content-length') ?? 0) > bytesMax) throw tooLarge()
  if (!request.body) return ''
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of request.body as unknown as AsyncIterable<Uint8Array>) {
    bytes += chunk.byteLength
    if (bytes > bytesMax) throw tooLarge()
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** The fields of a posted form, each once. Throws 415 for another type. */
export async function readForm(request: Request): Promise<Record<string, string>> {
  requireType(request, 'application/x-www-form-urlencoded')
  const fields = new URLSearchParams(await readText(request))
  if (fields.size > FIELDS_MAX) throw invalid('The form has too many fields.')
  const form: Record<string, string> = Object.create(null)
  for (const [name, value] of fields) form[name] = value
  return form
}

/** The JSON object of a request. Throws 415 for another type, 400 for what is not a JSON object. */
export async function readJson(request: Request): Promise<Record<string, unknown>> {
  requireType(request, 'application/json')
  const text = await readText(request)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new Refusal(400, 'The body is not JSON.')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Refusal(400, 'The body must be a JSON object.')
  }
  return value as Record<string, unknown>
}

/** A field of a JSON body as text. Throws `invalid` when it is something else. */
export function textField(body: Record<string, unknown>, name: string): string {
  const value = Object.hasOwn(body, name) ? body[name] : ''
  if (typeof value !== 'string') throw invalid('Some fields need another look.', { [name]: 'Must be text.' })
  return value
}

/** A field of a JSON body that must be there. Throws `invalid` when it is missing or no text. */
export function requiredField(body: Record<string, unknown>, name: string): string {
  const value = textField(body, name)
  if (!value) throw invalid('Some fields need another look.', { [name]: 'Is missing.' })
  return value
}

/** A field of a JSON body that is true or false, which it is when it is missing. Throws `invalid` for anything else. */
export function flagField(body: Record<string, unknown>, name: string): boolean {
  const value = Object.hasOwn(body, name) ? body[name] : false
  if (typeof value === 'boolean') return value
  throw invalid('Some fields need another look.', { [name]: 'Must be true or false.' })
}

export function readCookies(header: string | null): Record<string, string> {
  const cookies: Record<string, string> = Object.create(null)
  for (const pair of header?.split(';') ?? []) {
    const [name, ...value] = pair.trim().split('=')
    // The first wins: a cookie tossed in from a sibling domain comes later or lacks the __Host- prefix.
    if (name && !(name in cookies)) cookies[name] = value.join('=')
  }
  return cookies
}

function requireType(request: Request, type: string): void {
  const given = request.headers.get('content-type')?.split(';')[0]?.trim().toLowerCase()
  if (given !== type) throw new Refusal(415, `The request must be ${type}.`)
}
