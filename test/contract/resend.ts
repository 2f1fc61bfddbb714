import Ajv2020, { type ValidateFunction } from 'ajv/dist/2020'
import type { Exchange } from '../../src/simulator/twin'
import spec from './specs/resend/resend.emails.json'

const ajv = new Ajv2020({ strict: false, allErrors: true, formats: { binary: true } })
ajv.addSchema(spec, 'resend')

const schema = (name: keyof typeof spec.components.schemas): ValidateFunction =>
  ajv.compile({ $ref: `resend#/components/schemas/${name}` })

const OPERATIONS = [
  {
    method: 'POST',
    path: /^\/emails$/,
    request: schema('SendEmailRequest'),
    known: Object.keys(spec.components.schemas.SendEmailRequest.properties),
    response: schema('SendEmailResponse'),
    answered: ['id'],
  },
  {
    method: 'GET',
    path: /^\/emails\/[^/]+$/,
    request: undefined,
    known: [],
    response: schema('Email'),
    answered: Object.keys(spec.components.schemas.Email.properties),
  },
]

/** Resend's documented errors and their statuses; the OpenAPI document has none. */
const ERRORS: Record<string, number[]> = {
  invalid_idempotency_key: [400],
  validation_error: [400, 403, 422],
  missing_api_key: [401],
  restricted_api_key: [401],
  invalid_api_key: [403],
  not_found: [404],
  method_not_allowed: [405],
  invalid_idempotent_request: [409],
  concurrent_idempotent_requests: [409],
  invalid_attachment: [422],
  missing_required_field: [422],
  daily_quota_exceeded: [429],
  monthly_quota_exceeded: [429],
  rate_limit_exceeded: [429],
  security_error: [451],
  application_error: [500],
  internal_server_error: [500],
}

/** What is wrong with an exchange according to Resend's own documents; empty when nothing is. */
export function checkResend(exchange: Exchange): string[] {
  const { pathname } = new URL(exchange.path, 'http://resend')
  const operation = OPERATIONS.find(({ method, path }) => method === exchange.method && path.test(pathname))
  if (!operation) return [`no operation for ${exchange.method} ${pathname}`]
  const problems = checkKey(exchange)
  if (operation.request) problems.push(...check(operation.request, exchange.requestBody, operation.known))
  if (exchange.status === 0) return problems
  if (exchange.status >= 300) return [...problems, ...checkError(exchange)]
  return [...problems, ...check(operation.response, exchange.responseBody, operation.answered)]
}

function checkKey({ requestHeaders, status }: Exchange): string[] {
  const signed = requestHeaders.authorization?.startsWith('Bearer ') || status === 401
  const problems = signed ? [] : ['no bearer token']
  if ((requestHeaders['idempotency-key']?.length ?? 0) > 256)
    problems.push('idempotency key over 256 characters')
  return problems
}

function check(validate: ValidateFunction, body: string, known: string[]): string[] {
  const value = parse(body)
  if (typeof value !== 'object' || value === null) return ['the body is no JSON object']
  const unknown = Object.keys(value).filter((key) => !known.includes(key))
  validate(value)
  return [
    ...unknown.map((key) => `unknown property ${key}`),
    ...(validate.errors ?? []).map((error) => `${error.instancePath || '/'} ${error.message}`),
  ]
}

function checkError({ status, responseBody }: Exchange): string[] {
  const body = parse(responseBody) as Record<string, unknown> | undefined
  if (typeof body?.message !== 'string' || typeof body.name !== 'string')
    return ['an error without name or message']
  const problems = body.statusCode === status ? [] : [`statusCode ${body.statusCode} in an answer ${status}`]
  if (!ERRORS[body.name]?.includes(status))
    problems.push(`error ${body.name} does not come with status ${status}`)
  return problems
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}
