import { child, type Element, NAMESPACE, parse } from '../../src/simulator/route53/xml'
import type { Exchange } from '../../src/simulator/twin'
import errorStatuses from './specs/route53/route53.error-status.json'
import model from './specs/route53/route53-2013-04-01.min.json'

type Shape = {
  shape?: string
  type?: string
  required?: string[]
  members?: Record<string, Shape>
  member?: Shape
  location?: string
  locationName?: string
}
type Operation = { http: { method?: string; requestUri: string }; input: Shape; output?: Shape }

const operations = model.operations as unknown as Record<string, Operation>
const shapes = model.shapes as unknown as Record<string, Shape>

// Errors that every AWS service gives and the service model therefore leaves out.
const COMMON_ERRORS: Record<string, number> = {
  Throttling: 400,
  MalformedInput: 400,
  AccessDenied: 403,
  IncompleteSignature: 403,
  InvalidClientTokenId: 403,
  MissingAuthenticationToken: 403,
  SignatureDoesNotMatch: 403,
}
const ERROR_STATUS = new Map([
  ...Object.entries(COMMON_ERRORS),
  ...errorStatuses.map(({ code, status }): [string, number] => [code, status]),
])

/** What is wrong with an exchange according to Amazon's service model of Route 53; empty when nothing is. */
export function checkRoute53(exchange: Exchange): string[] {
  const url = new URL(exchange.path, 'http://route53')
  const operation = Object.entries(operations).find(
    ([, { http }]) => (http.method ?? 'POST') === exchange.method && matches(http.requestUri, url.pathname),
  )
  if (!operation) return [`no operation for ${exchange.method} ${url.pathname}`]
  const [name, { input, output }] = operation
  const problems = [...checkQuery(input, url.searchParams), ...checkRequestBody(input, exchange.requestBody)]
  if (exchange.status === 0) return problems
  const answer = exchange.status < 300 ? checkAnswer(name, output, exchange) : checkError(exchange)
  return [...problems, ...answer].map((problem) => `${name}: ${problem}`)
}

function matches(template: string, path: string): boolean {
  const parts = template.replace(/\/$/, '').split('/')
  const given = path.replace(/\/$/, '').split('/')
  return parts.length === given.length && parts.every((part, i) => part === given[i] || part.startsWith('{'))
}

function checkQuery(input: Shape, query: URLSearchParams): string[] {
  const known = Object.values(input.members ?? {}).filter((one) => one.location === 'querystring')
  const names = known.map((one) => one.locationName)
  return [...query.keys()]
    .filter((key) => !names.includes(key))
    .map((key) => `unknown query parameter ${key}`)
}

function checkRequestBody(input: Shape, body: string): string[] {
  if (!input.locationName) return body === '' ? [] : ['a body where none belongs']
  const inBody = Object.entries(input.members ?? {}).filter(([, one]) => !one.location)
  const required = (input.required ?? []).filter((name) => inBody.some(([member]) => member === name))
  const shape = { type: 'structure', required, members: Object.fromEntries(inBody) }
  return checkDocument(body, input.locationName, shape)
}

function checkAnswer(operation: string, output: Shape | undefined, exchange: Exchange): string[] {
  const type = exchange.responseHeaders['content-type'] ?? ''
  const problems = type.includes('xml') ? [] : [`content type ${type}`]
  return [...problems, ...checkDocument(exchange.responseBody, `${operation}Response`, output ?? {})]
}

function checkError({ status, responseBody }: Exchange): string[] {
  const text = { required: ['Type', 'Code', 'Message'], members: { Type: {}, Code: {}, Message: {} } }
  const shape = {
    type: 'structure',
    required: ['Error', 'RequestId'],
    members: { Error: { type: 'structure', ...text }, RequestId: {} },
  }
  const problems = checkDocument(responseBody, 'ErrorResponse', shape)
  if (problems.length > 0 || status >= 500) return problems
  const code = child(child(parse(responseBody), 'Error'), 'Code')?.text ?? ''
  return ERROR_STATUS.get(code) === status ? [] : [`error ${code} does not come with status ${status}`]
}

function checkDocument(body: string, rootName: string, shape: Shape): string[] {
  let root: Element
  try {
    root = parse(body)
  } catch {
    return ['the body is not well-formed XML']
  }
  const problems = check(root, shape, rootName)
  if (root.name !== rootName) problems.push(`root element ${root.name} instead of ${rootName}`)
  if (root.xmlns !== NAMESPACE) problems.push('wrong namespace')
  return problems
}

function check(element: Element, given: Shape, path: string): string[] {
  const shape = given.shape ? { ...shapes[given.shape], ...given } : given
  if (shape.type === 'structure') return checkStructure(element, shape, path)
  if (shape.type === 'list') return checkList(element, shape, path)
  if (element.children.length > 0) return [`${path} has elements instead of text`]
  const pattern = PATTERNS[shape.type ?? 'string']
  return pattern?.test(element.text) ? [] : [`${path} is not a ${shape.type}`]
}

const PATTERNS: Record<string, RegExp> = {
  string: /^/,
  boolean: /^(true|false)$/,
  integer: /^-?\d+$/,
  long: /^-?\d+$/,
  timestamp: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/,
}

function checkStructure(element: Element, { members = {}, required = [] }: Shape, path: string): string[] {
  const missing = required.filter((name) => !child(element, members[name]?.locationName ?? name))
  const names = element.children.map((one) => one.name)
  const twice = names.filter((name, index) => names.indexOf(name) !== index)
  const inside = element.children.flatMap((one) => {
    const member = Object.entries(members).find(([name, shape]) => (shape.locationName ?? name) === one.name)
    return member ? check(one, member[1], `${path}.${one.name}`) : [`${path} has no member ${one.name}`]
  })
  return [
    ...missing.map((name) => `${path} misses ${name}`),
    ...twice.map((name) => `${path} has ${name} twice`),
    ...inside,
  ]
}

function checkList(element: Element, { member = {} }: Shape, path: string): string[] {
  const name = member.locationName ?? 'member'
  return element.children.flatMap((one) =>
    one.name === name
      ? check(one, member, `${path}.${name}`)
      : [`${path} lists ${one.name} instead of ${name}`],
  )
}
