import { child, type Element, parse } from '../../src/simulator/route53/xml'
import type { Exchange } from '../../src/simulator/twin'
import model from './specs/s3/s3-2006-03-01.slice.json'

type Shape = {
  shape?: string
  type?: string
  required?: string[]
  members?: Record<string, Shape>
  member?: Shape
  location?: string
  locationName?: string
  flattened?: boolean
  payload?: string
}
type Operation = {
  http: { method: string; requestUri: string; responseCode?: number }
  input: Shape
  output: Shape
}

const operations = model.operations as unknown as Record<string, Operation>
const shapes = model.shapes as unknown as Record<string, Shape>
const NAMESPACE = 'http://s3.amazonaws.com/doc/2006-03-01/'

/** https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html */
const ERROR_STATUS: Record<string, number> = {
  AccessDenied: 403,
  AuthorizationHeaderMalformed: 400,
  AuthorizationQueryParametersError: 400,
  EntityTooLarge: 400,
  InternalError: 500,
  InvalidAccessKeyId: 403,
  InvalidArgument: 400,
  InvalidRequest: 400,
  KeyTooLongError: 400,
  MethodNotAllowed: 405,
  MissingContentLength: 411,
  NoSuchBucket: 404,
  NoSuchKey: 404,
  NotImplemented: 501,
  RequestTimeTooSkewed: 403,
  ServiceUnavailable: 503,
  SignatureDoesNotMatch: 403,
  SlowDown: 503,
  XAmzContentSHA256Mismatch: 400,
}

const SIGNED_QUERY = ['Algorithm', 'Credential', 'Date', 'Expires', 'SignedHeaders', 'Signature']
const ALGORITHM = 'AWS4-HMAC-SHA256'

/** What is wrong with an exchange according to Amazon's service model of S3; empty when nothing is. */
export function checkS3(exchange: Exchange): string[] {
  const url = new URL(exchange.path, 'http://s3')
  const ofObject = /^\/[^/]+\/./.test(url.pathname)
  const found = Object.entries(operations).find(
    ([, { http }]) => http.method === exchange.method && http.requestUri.includes('{Key+}') === ofObject,
  )
  if (!found) return [`no operation for ${exchange.method} ${url.pathname}`]
  const [name, operation] = found
  const problems = [
    ...checkQuery(operation, url.searchParams),
    ...checkSignature(exchange, url.searchParams),
    ...checkBody(operation.input, exchange.requestBody),
  ]
  const answer = exchange.status === 0 ? [] : checkAnswer(operation, exchange)
  return [...problems, ...answer].map((problem) => `${name}: ${problem}`)
}

function checkQuery({ http, input }: Operation, query: URLSearchParams): string[] {
  const known = Object.values(input.members ?? {})
    .filter((one) => one.location === 'querystring')
    .map((one) => one.locationName)
  const fixed = [...new URL(http.requestUri, 'http://s3').searchParams.keys()]
  return [...query.keys()]
    .filter((key) => !key.startsWith('X-Amz-') && !known.includes(key) && !fixed.includes(key))
    .map((key) => `unknown query parameter ${key}`)
}

/** Either form of the signature has all of its parts; https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html */
function checkSignature({ requestHeaders, status }: Exchange, query: URLSearchParams): string[] {
  if (query.has('X-Amz-Signature')) {
    const missing = SIGNED_QUERY.filter((part) => !query.get(`X-Amz-${part}`))
    return missing.map((part) => `no X-Amz-${part} in the query`)
  }
  const { authorization = '' } = requestHeaders
  if (status === 403 && authorization === '') return []
  const problems = authorization.startsWith(`${ALGORITHM} Credential=`) ? [] : ['no signature']
  for (const name of ['x-amz-date', 'x-amz-content-sha256']) {
    if (!requestHeaders[name]) problems.push(`no header ${name}`)
    if (!authorization.includes(name)) problems.push(`header ${name} is not signed`)
  }
  return problems
}

function checkBody(input: Shape, body: string): string[] {
  return body !== '' && !input.payload ? ['a body where none belongs'] : []
}

function checkAnswer({ http, output }: Operation, exchange: Exchange): string[] {
  const { status, responseBody, responseHeaders } = exchange
  if (status >= 300) return checkError(exchange)
  const wanted = http.responseCode ?? 200
  const problems = status === wanted ? [] : [`status ${status} instead of ${wanted}`]
  const inHeaders = Object.values(output.members ?? {}).filter((one) => one.location === 'header')
  const etagged = inHeaders.some((one) => one.locationName === 'ETag')
  if (etagged && !/^"[0-9a-f]{32}"$/.test(responseHeaders.etag ?? '')) problems.push('no ETag')
  if (exchange.method === 'HEAD' && responseBody !== '') problems.push('a body in an answer to HEAD')
  if (inHeaders.some((one) => one.locationName === 'Last-Modified')) {
    const at = Date.parse(responseHeaders['last-modified'] ?? '')
    if (Number.isNaN(at)) problems.push('no Last-Modified')
  }
  const inBody = Object.values(output.members ?? {}).some((one) => !one.location && !one.payload)
  if (!inBody || output.payload) return problems
  return [...problems, ...checkDocument(responseBody, 'ListBucketResult', output, NAMESPACE)]
}

function checkError({ method, status, responseBody }: Exchange): string[] {
  if (method === 'HEAD') return responseBody === '' ? [] : ['a body in an answer to HEAD']
  const root = parsed(responseBody)
  if (!root) return ['the error is not well-formed XML']
  if (root.name !== 'Error' || root.xmlns) return [`root element ${root.name}`]
  const text = (name: string) => child(root, name)?.text ?? ''
  const missing = ['Code', 'Message', 'RequestId', 'HostId'].filter((name) => text(name) === '')
  const problems = missing.map((name) => `the error misses ${name}`)
  const code = text('Code')
  if (ERROR_STATUS[code] !== status) problems.push(`error ${code} does not come with status ${status}`)
  return problems
}

function checkDocument(body: string, rootName: string, shape: Shape, namespace: string): string[] {
  const root = parsed(body)
  if (!root) return ['the body is not well-formed XML']
  const problems = root.name === rootName ? [] : [`root element ${root.name}`]
  if (root.xmlns !== namespace) problems.push('wrong namespace')
  return [...problems, ...checkStructure(root, shape, rootName)]
}

function checkStructure(element: Element, given: Shape, path: string): string[] {
  const { members = {} } = resolved(given)
  return element.children.flatMap((one) => {
    const found = Object.entries(members).find(
      ([name, member]) => !member.location && (member.locationName ?? name) === one.name,
    )
    if (!found) return [`${path} has no member ${one.name}`]
    return checkValue(one, found[1], `${path}.${one.name}`)
  })
}

function checkValue(element: Element, given: Shape, path: string): string[] {
  const shape = resolved(given)
  // S3's lists are flattened: each of their elements stands where the list would.
  if (shape.type === 'list') return checkValue(element, shape.member ?? {}, path)
  if (shape.type === 'structure') return checkStructure(element, shape, path)
  if (element.children.length > 0) return [`${path} has elements instead of text`]
  return PATTERNS[shape.type ?? 'string']?.test(element.text) ? [] : [`${path} is not a ${shape.type}`]
}

const PATTERNS: Record<string, RegExp> = {
  string: /^/,
  boolean: /^(true|false)$/,
  integer: /^-?\d+$/,
  long: /^-?\d+$/,
  timestamp: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/,
}

function resolved(shape: Shape): Shape {
  return shape.shape ? { ...shapes[shape.shape], ...shape } : shape
}

function parsed(body: string): Element | null {
  try {
    return parse(body)
  } catch {
    return null
  }
}
