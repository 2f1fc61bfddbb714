import Ajv, { type ValidateFunction } from 'ajv/dist/2020'
import { type Params, parseForm } from '../../src/simulator/stripe/form'
import type { Exchange } from '../../src/simulator/twin'
import slice from './specs/stripe/stripe-sdk.slice.json'

type Fields = Record<string, unknown>

const API_VERSION = slice['x-source'].apiVersion
// Reading one object takes nothing but `expand`, so the SDK has no schema of its own for most of these.
const READS = ['products/{id}', 'prices/{price}', 'payment_intents/{intent}', 'events/{id}']
// Plain paths first: `customers/search` is no customer.
const OPERATIONS = [...Object.keys(slice.requests), ...READS.map((path) => `GET /v1/${path}`)].sort(
  (a, b) => Number(a.includes('{')) - Number(b.includes('{')),
)
const ERROR_TYPES = ['api_error', 'card_error', 'idempotency_error', 'invalid_request_error']

// A form carries only strings; what the schema calls a number or a boolean must read as one.
const forms = new Ajv({ strict: false, coerceTypes: true, allErrors: true })
const bodies = new Ajv({ strict: false, allErrors: true })
for (const ajv of [forms, bodies]) ajv.addSchema({ $id: 'stripe', $defs: slice.$defs })

/** What is wrong with an exchange according to the types of Stripe's SDK; empty when nothing is. */
export function checkStripe(exchange: Exchange): string[] {
  const { pathname, search } = new URL(exchange.path, 'http://stripe')
  const operation = OPERATIONS.find((one) => matches(one, exchange.method, pathname))
  if (!operation) return [`no operation for ${exchange.method} ${pathname}`]
  const params = parseForm(exchange.method === 'POST' ? exchange.requestBody : search.slice(1))
  const problems = [...checkRequest(operation, params), ...checkRequestHeaders(exchange)]
  if (exchange.status === 0) return problems
  const body: unknown = JSON.parse(exchange.responseBody)
  const answer = exchange.status < 300 ? checkBody(body, params) : checkError(exchange.status, body)
  const headers = /^req_/.test(exchange.responseHeaders['request-id'] ?? '') ? [] : ['no Request-Id']
  return [...problems, ...answer, ...headers].map((problem) => `${operation}: ${problem}`)
}

/** What is wrong with an event, as sent to a webhook; empty when nothing is. */
export function checkStripeEvent(event: unknown): string[] {
  if (!isFields(event)) return ['the event is no object']
  const sample: Fields = slice.samples.event
  const shape = [...new Set([...Object.keys(sample), ...Object.keys(event)])].flatMap((name) =>
    name in sample && name in event ? [] : [`event: ${name} is missing or unknown`],
  )
  const version = event.api_version === API_VERSION ? [] : ['event: another API version']
  const data = isFields(event.data) ? event.data.object : undefined
  return [...shape, ...version, ...checkResource(data).map((problem) => `event.data: ${problem}`)]
}

function matches(operation: string, method: string, path: string): boolean {
  const [wantedMethod, template = ''] = operation.split(' ')
  const [wanted, given] = [template.split('/'), path.split('/')]
  const isSame = wanted.every((step, index) => step === given[index] || step.startsWith('{'))
  return wantedMethod === method && wanted.length === given.length && isSame
}

function checkRequest(operation: string, params: Params): string[] {
  const schema = (slice.requests as Record<string, { $ref: string }>)[operation]
  if (!schema) return Object.keys(params).filter((name) => name !== 'expand')
  return run(compiled(forms, schema.$ref), JSON.parse(JSON.stringify(params)), 'request')
}

function checkRequestHeaders({ method, requestHeaders }: Exchange): string[] {
  const key = requestHeaders['idempotency-key'] ?? ''
  return [
    ...(requestHeaders['stripe-version'] === API_VERSION ? [] : ['no Stripe-Version, or another']),
    ...(/^Bearer \S+$/.test(requestHeaders.authorization ?? '') ? [] : ['no secret key']),
    ...(method !== 'POST' || (key !== '' && key.length <= 255) ? [] : ['POST without an idempotency key']),
    ...('x-stripe-client-telemetry' in requestHeaders ? ['telemetry is on'] : []),
  ]
}

function checkBody(body: unknown, params: Params): string[] {
  const paths = Array.isArray(params.expand) ? params.expand.map(String) : []
  return [...collapse(body, paths), ...checkResource(body)]
}

/** Checks what was expanded at `paths`, deepest first, and puts its id back, as the schema has it. */
function collapse(node: unknown, paths: string[]): string[] {
  if (Array.isArray(node)) return node.flatMap((one) => collapse(one, paths))
  if (!isFields(node)) return []
  const steps = new Set(paths.map((path) => path.split('.')[0] ?? ''))
  return [...steps].flatMap((step) => {
    const value = node[step]
    if (value === null || Array.isArray(value)) return collapse(value, below(paths, step))
    if (!isFields(value)) return [`${step} was not expanded`]
    const problems = collapse(value, below(paths, step))
    if (value.object === 'list') return problems
    node[step] = value.id
    return [...problems, ...checkResource(value)]
  })
}

function below(paths: string[], step: string): string[] {
  return paths.filter((path) => path.startsWith(`${step}.`)).map((path) => path.slice(step.length + 1))
}

function checkResource(body: unknown): string[] {
  if (!isFields(body)) return ['the body is no object']
  if (body.object === 'event') return checkStripeEvent(body)
  if (body.object === 'list' || body.object === 'search_result') return checkList(body)
  const schema = (slice.resources as Record<string, { $ref: string }>)[String(body.object)]
  if (!schema) return [`unknown object ${String(body.object)}`]
  return run(compiled(bodies, schema.$ref), body, String(body.object))
}

function checkList({ data, has_more, url }: Fields): string[] {
  if (!Array.isArray(data) || typeof has_more !== 'boolean' || typeof url !== 'string') return ['no list']
  return data.flatMap(checkResource)
}

function checkError(status: number, body: unknown): string[] {
  const error = isFields(body) ? body.error : undefined
  if (!isFields(error) || typeof error.message !== 'string') return ['an error without a message']
  return [
    ...(ERROR_TYPES.includes(String(error.type)) ? [] : [`unknown error type ${String(error.type)}`]),
    ...((status === 402) === (error.type === 'card_error')
      ? []
      : [`${status} is not for ${String(error.type)}`]),
    ...(status < 500 || error.type === 'api_error' ? [] : ['a 5xx that is no api_error']),
  ]
}

const known = new Map<string, ValidateFunction>()

function compiled(ajv: Ajv, ref: string): ValidateFunction {
  const validate = known.get(ref) ?? ajv.compile({ $ref: `stripe${ref}` })
  known.set(ref, validate)
  return validate
}

function run(validate: ValidateFunction, value: unknown, what: string): string[] {
  if (validate(value)) return []
  return (validate.errors ?? []).map(({ instancePath, message, params }) => {
    return `${what}${instancePath} ${message} ${JSON.stringify(params)}`
  })
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
