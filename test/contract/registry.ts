import { createHash } from 'node:crypto'
import Ajv from 'ajv'
import addFormats from 'ajv-formats'
import type { Exchange } from '../../src/simulator/twin'
import descriptor from './specs/oci/content-descriptor.json'
import definitions from './specs/oci/defs.json'
import descriptorDefinitions from './specs/oci/defs-descriptor.json'
import manifest from './specs/oci/image-manifest-schema.json'

const ajv = new Ajv({ strict: false, allErrors: true, logger: false })
addFormats(ajv)
ajv.addSchema(withoutIds(definitions), 'defs.json')
ajv.addSchema(withoutIds(descriptorDefinitions), 'defs-descriptor.json')
ajv.addSchema(withoutIds(descriptor), 'content-descriptor.json')
const isManifest = ajv.compile(withoutIds(manifest))

const NAME = '[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*(\\/[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*)*'
const MANIFEST_PATH = new RegExp(
  `^/${NAME}/manifests/([a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}|sha256:[0-9a-f]{64})$`,
)
const SCOPE = new RegExp(`^repository:${NAME}:pull$`)
const MANIFEST_TYPES = [
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.oci.image.index.v1+json',
]

/** The codes of the specification with the statuses that HTTP has for what they mean. */
const ERRORS: Record<string, number> = {
  BLOB_UNKNOWN: 404,
  MANIFEST_UNKNOWN: 404,
  NAME_INVALID: 400,
  NAME_UNKNOWN: 404,
  UNAUTHORIZED: 401,
  DENIED: 403,
  UNSUPPORTED: 405,
  TOOMANYREQUESTS: 429,
}

/** What is wrong with an exchange according to the OCI distribution specification; empty when nothing is. */
export function checkRegistry(exchange: Exchange): string[] {
  const url = new URL(exchange.path, 'http://registry')
  const isToken = url.pathname === '/token'
  const asked = isToken ? checkTokenRequest(exchange, url) : checkManifestRequest(exchange, url)
  if (exchange.status === 0) return asked
  if (exchange.status !== 200) return [...asked, ...checkError(exchange, isToken)]
  return [...asked, ...(isToken ? checkToken(exchange) : checkManifest(exchange))]
}

function checkManifestRequest({ method, requestHeaders }: Exchange, { pathname, search }: URL): string[] {
  const problems = []
  if (method !== 'GET' && method !== 'HEAD') problems.push(`${method} pulls nothing`)
  if (!MANIFEST_PATH.test(pathname)) problems.push(`no operation at ${pathname}`)
  if (search !== '') problems.push('a manifest is asked for without a query')
  const accepted = requestHeaders.accept ?? ''
  return [
    ...problems,
    ...MANIFEST_TYPES.filter((type) => !accepted.includes(type)).map((type) => `takes no ${type}`),
  ]
}

function checkTokenRequest({ method, requestHeaders }: Exchange, { searchParams }: URL): string[] {
  const problems = []
  if (method !== 'GET') problems.push(`a token is not to be had by ${method}`)
  if (!searchParams.get('service')) problems.push('a token is for a service')
  if (!SCOPE.test(searchParams.get('scope') ?? ''))
    problems.push('a token is for pulling from one repository')
  const authorization = requestHeaders.authorization ?? 'Basic bm86b25l'
  if (!/^Basic [A-Za-z0-9+/]+=*$/.test(authorization))
    problems.push('a token is asked for with Basic or without')
  return problems
}

function checkManifest({ method, responseBody, responseHeaders }: Exchange): string[] {
  const digest = responseHeaders['docker-content-digest'] ?? ''
  if (!/^sha256:[0-9a-f]{64}$/.test(digest)) return ['a manifest comes with its digest']
  if (method === 'HEAD') return []
  const problems = []
  if (`sha256:${createHash('sha256').update(responseBody).digest('hex')}` !== digest) {
    problems.push('the digest is another manifest’s')
  }
  const value: unknown = JSON.parse(responseBody)
  if (!isManifest(value)) problems.push(`no manifest: ${ajv.errorsText(isManifest.errors)}`)
  const { mediaType } = value as { mediaType?: string }
  if (mediaType !== undefined && mediaType !== responseHeaders['content-type']) {
    problems.push('the content type is not the manifest’s')
  }
  return problems
}

function checkToken({ responseBody }: Exchange): string[] {
  const { token, access_token, expires_in, issued_at } = JSON.parse(responseBody) as Record<string, unknown>
  const problems = []
  if (typeof (token ?? access_token) !== 'string') problems.push('there is no token')
  if (expires_in !== undefined && !(Number(expires_in) >= 60))
    problems.push('a token lasts a minute at least')
  if (issued_at !== undefined && Number.isNaN(Date.parse(String(issued_at))))
    problems.push('issued_at is no time')
  return problems
}

function checkError({ method, status, responseBody, responseHeaders }: Exchange, isToken: boolean): string[] {
  const problems = []
  if (status === 401 && !/^(Bearer|Basic) realm="[^"]+"/.test(responseHeaders['www-authenticate'] ?? '')) {
    problems.push('a 401 says how to be let in')
  }
  if (status === 429 && !responseHeaders['retry-after']) problems.push('a 429 says when to come back')
  if (method === 'HEAD') return problems
  const { errors } = JSON.parse(responseBody) as { errors?: { code?: string; message?: unknown }[] }
  const codes = errors?.map(({ code = '' }) => code) ?? []
  if (codes.length === 0) problems.push('an error has errors')
  for (const code of codes) {
    const expected = ERRORS[code]
    if (expected === undefined) problems.push(`there is no code ${code}`)
    else if (expected !== status && !isToken && status < 500) problems.push(`${code} with status ${status}`)
  }
  return problems
}

/** Draft 4 has `id` where Ajv knows `$id`; nothing refers to any of them. */
function withoutIds(schema: object): object {
  return JSON.parse(
    JSON.stringify(schema, (name, value: unknown) =>
      (name === 'id' || name === '$schema') && typeof value === 'string' ? undefined : value,
    ),
  ) as object
}
