import Ajv, { type ValidateFunction } from 'ajv'
import addFormats from 'ajv-formats'
import type { Exchange } from '../../src/simulator/twin'
import spec from './specs/hetzner/cloud.json'
import errors from './specs/hetzner/errors.json'

type Schema = Record<string, unknown>
type Parameter = { name: string; in: string; required?: boolean; schema: Schema }
type Content = { content?: { 'application/json'?: { schema: Schema } } }
type Operation = { parameters?: Parameter[]; requestBody?: Content; responses: Record<string, Content> }

const ajv = addFormats(new Ajv({ strict: false, allErrors: true }))
ajv.addFormat('decimal', /^-?\d+(\.\d+)?$/)

/** Where a call and its answer differ from Hetzner's own document; empty when they do not. */
export function checkHetzner(exchange: Exchange): string[] {
  const url = new URL(exchange.path, 'https://api.hetzner.cloud')
  const found = findOperation(exchange.method, url.pathname)
  const answer = exchange.status === 0 ? [] : checkAnswer(exchange, found)
  if (!found) return answer
  return [...checkRequest(exchange, url, found.operation), ...answer]
}

type Found = { name: string; operation: Operation }

function findOperation(method: string, pathname: string): Found | null {
  for (const [path, methods] of Object.entries(spec.paths)) {
    const operation = (methods as Record<string, unknown>)[method.toLowerCase()]
    const pattern = new RegExp(`^${path.replace('{id}', '\\d+')}$`)
    if (operation && pattern.test(pathname)) {
      return { name: `${method} ${path}`, operation: operation as Operation }
    }
  }
  return null
}

function checkRequest(exchange: Exchange, url: URL, operation: Operation): string[] {
  const problems: string[] = []
  if (!/^Bearer \S+$/.test(exchange.requestHeaders.authorization ?? '')) problems.push('no bearer token')
  problems.push(...checkQuery(url.searchParams, operation.parameters ?? []))
  const schema = operation.requestBody?.content?.['application/json']?.schema
  if (!schema) return exchange.requestBody ? [...problems, 'a body where none belongs'] : problems
  const type = exchange.requestHeaders['content-type'] ?? ''
  if (!type.startsWith('application/json')) problems.push(`content-type is '${type}'`)
  return [...problems, ...validate(schema, exchange.requestBody || '{}', 'request')]
}

function checkQuery(query: URLSearchParams, parameters: Parameter[]): string[] {
  const known = parameters.filter((parameter) => parameter.in === 'query')
  const unknown = [...new Set(query.keys())].filter((name) => !known.some((one) => one.name === name))
  const problems = unknown.map((name) => `query parameter '${name}' is not in the document`)
  for (const { name, required, schema } of known) {
    const texts = query.getAll(name)
    if (texts.length === 0) {
      if (required) problems.push(`query parameter '${name}' is missing`)
      continue
    }
    const single = (schema.items as Schema | undefined) ?? schema
    const values = texts.map((text) => coerce(text, single.type))
    const value = schema.type === 'array' ? values : values[0]
    if (texts.length > 1 && schema.type !== 'array') problems.push(`query parameter '${name}' is repeated`)
    problems.push(...validate(schema, JSON.stringify(value), `query parameter '${name}'`))
  }
  return problems
}

function coerce(text: string, type: unknown): unknown {
  if (type === 'integer' && /^-?\d+$/.test(text)) return Number(text)
  if (type === 'boolean' && /^(true|false)$/.test(text)) return text === 'true'
  return text
}

function checkAnswer(exchange: Exchange, found: Found | null): string[] {
  const headers = ['ratelimit-limit', 'ratelimit-remaining', 'ratelimit-reset']
  const problems = headers
    .filter((name) => !/^\d+$/.test(exchange.responseHeaders[name] ?? ''))
    .map((name) => `answer has no ${name}`)
  const { status, responseBody } = exchange
  if (status >= 400) return [...problems, ...checkError(status, responseBody, found?.name ?? '')]
  if (!found) return [...problems, `${exchange.method} ${exchange.path} is not in the document`]
  const documented = found.operation.responses[String(status)]
  if (!documented) return [...problems, `status ${status} is not in the document`]
  const schema = documented.content?.['application/json']?.schema
  if (!schema) return responseBody === '' ? problems : [...problems, 'an answer where none belongs']
  return [...problems, ...validate(schema, responseBody, 'answer')]
}

const ERROR: Schema = {
  type: 'object',
  required: ['error'],
  properties: {
    error: {
      type: 'object',
      required: ['code', 'message'],
      properties: {
        code: { type: 'string' },
        message: { type: 'string', minLength: 1 },
        details: { type: 'object', nullable: true, additionalProperties: true },
      },
    },
  },
}

function checkError(status: number, body: string, operation: string): string[] {
  const problems = validate(ERROR, body, 'error')
  if (problems.length > 0) return problems
  const { code } = (JSON.parse(body) as { error: { code: string } }).error
  const documented =
    errors.general.some((one) => one.status === status && one.code === code) ||
    errors.operations.some((one) => one.op === operation && one.status === status && one.code === code)
  return documented ? [] : [`status ${status} with code '${code}' is not documented for ${operation}`]
}

const validators = new WeakMap<Schema, ValidateFunction>()

function validate(schema: Schema, text: string, what: string): string[] {
  const validator = validators.get(schema) ?? ajv.compile(closed(schema) as Schema)
  validators.set(schema, validator)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return [`${what} is not JSON`]
  }
  if (validator(value)) return []
  return (validator.errors ?? []).map((error) => `${what}${error.instancePath} ${error.message}`)
}

/** Objects with named properties take no others, so that a removed field such as `datacenter` is noticed. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed)
  if (typeof schema !== 'object' || schema === null) return schema
  const copy = Object.fromEntries(Object.entries(schema).map(([name, part]) => [name, closed(part)]))
  const open = copy.properties && typeof copy.properties === 'object' && !('additionalProperties' in copy)
  return open && copy.type === 'object' ? { ...copy, additionalProperties: false } : copy
}
