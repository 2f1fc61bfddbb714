import Ajv2020, { type ValidateFunction } from 'ajv/dist/2020'
import addFormats from 'ajv-formats'
import metaSchema from './specs/openapi/openapi-3.1.schema.json'

type Schema = Record<string, unknown>
type Operation = { requestBody?: { content: Content }; responses: Record<string, { content?: Content }> }
type Content = Record<string, { schema: Schema }>

/** An OpenAPI document, as far as this check walks it. */
export type OpenApiDocument = {
  paths: Record<string, Record<string, Operation>>
  components: { schemas: Record<string, Schema> }
}

/** One request and its answer as they were on the wire. */
export type ApiExchange = { method: string; path: string; request?: unknown; status: number; answer: unknown }

const ajv = new Ajv2020({ strict: false, allErrors: true })
addFormats(ajv)
ajv.addFormat('media-range', /^[\w.+*-]+\/[\w.+*-]+( *;.*)?$/)
const validDocument = ajv.compile(metaSchema)

/** What is wrong with a document according to OpenAPI 3.1's own schema, and its schemas according to JSON Schema. */
export function checkDocument(document: unknown): string[] {
  const problems = validDocument(document) ? [] : wordsOf(validDocument)
  for (const schema of schemasIn(document)) {
    if (!ajv.validateSchema(schema)) problems.push(`no JSON Schema: ${ajv.errorsText(ajv.errors)}`)
  }
  return problems
}

/**
 * What an exchange has that the document does not say: an operation, a status, a field too few, too many or of
 * another type. A request is checked only when it was accepted.
 */
export function checkExchange(document: OpenApiDocument, exchange: ApiExchange): string[] {
  const { pathname } = new URL(exchange.path, 'http://atlas')
  const found = Object.entries(document.paths).find(([template]) => matches(template, pathname))
  const operation = found?.[1][exchange.method.toLowerCase()]
  if (!operation) return [`no operation for ${exchange.method} ${pathname}`]
  const problems: string[] = []
  if (exchange.status < 300 && operation.requestBody) {
    problems.push(...check(document, operation.requestBody.content, exchange.request, 'request'))
  }
  const answer = operation.responses[exchange.status]
  if (!answer?.content)
    return [...problems, `no answer ${exchange.status} for ${exchange.method} ${pathname}`]
  return [...problems, ...check(document, answer.content, exchange.answer, 'answer')]
}

function check(document: OpenApiDocument, content: Content, body: unknown, what: string): string[] {
  const schema = content['application/json']?.schema
  if (!schema) return [`${what}: no JSON is described`]
  const validate = ajv.compile({ ...closed(schema), components: closed(document.components) })
  return validate(body) ? [] : wordsOf(validate).map((words) => `${what}: ${words}`)
}

/** The same schema with every object closed, so that a field nobody described is found. */
function closed(value: Schema): Schema {
  const walk = (one: unknown): unknown => {
    if (Array.isArray(one)) return one.map(walk)
    if (typeof one !== 'object' || one === null) return one
    const inner = Object.fromEntries(Object.entries(one).map(([name, part]) => [name, walk(part)]))
    return inner.type === 'object' && inner.properties && inner.additionalProperties === undefined
      ? { ...inner, additionalProperties: false }
      : inner
  }
  return walk(value) as Schema
}

function matches(template: string, pathname: string): boolean {
  const pattern = template.replace(/[.*+?^$()|[\]\\]/g, '\\$&').replace(/\{\w+\}/g, '[^/]+')
  return new RegExp(`^${pattern}$`).test(pathname)
}

function schemasIn(value: unknown): Schema[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, part]) =>
    name === 'schema' && typeof part === 'object' && part !== null ? [part as Schema] : schemasIn(part),
  )
}

function wordsOf(validate: ValidateFunction): string[] {
  return (validate.errors ?? []).map(
    ({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`,
  )
}
