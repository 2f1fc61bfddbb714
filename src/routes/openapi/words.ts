/** The words that the API's description is made of. */
export type Schema = Record<string, unknown>

export const text = (description: string): Schema => ({ type: 'string', description })
export const time = (description: string): Schema => ({
  type: ['integer', 'null'],
  description: `${description} UTC milliseconds.`,
})
export const object = (properties: Record<string, Schema>, required = Object.keys(properties)): Schema => ({
  type: 'object',
  properties,
  required,
})
export const list = (items: Schema): Schema => ({ type: 'array', items })
export const named = (schema: string): Schema => ({ $ref: `#/components/schemas/${schema}` })
export const query = (name: string, schema: Schema) => ({ name, in: 'query', schema })
/** How a list can be ordered; what it can be sorted by is said where it is listed. */
export const inOrder = (sorts: Readonly<Record<string, unknown>>) => [
  query('sort', { enum: Object.keys(sorts) }),
  query('dir', { enum: ['asc', 'desc'] }),
]
export const inPath = (name: string, description: string) => ({
  name,
  in: 'path',
  required: true,
  schema: text(description),
})
export const body = (schema: Schema) => ({ required: true, content: jsonBody(schema) })
export const answer = (description: string, schema: Schema) => ({ description, content: jsonBody(schema) })

export const TENANT_ID = text('The tenant’s id, `ten_…`.')
export const tenantInPath = inPath('id', 'The tenant’s id, `ten_…`.')

/** What answers when a run was queued. */
export const queued = answer(
  'Queued. Follow it at `/api/admin/runs/{id}`.',
  object({ run_id: text('`run_…`') }),
)

const REFUSALS = {
  400: 'The body is no JSON object.',
  401: 'No session and no live API token.',
  403: 'A browser sent it from another site.',
  404: 'There is no such thing.',
  409: 'The state does not allow it; the message says why.',
  413: 'The body is too large.',
  415: 'The body is of another type.',
  422: 'A field is wrong; `error.fields` says what.',
  429: 'Asked too often; see Retry-After.',
  503: 'A provider can’t be reached; try again.',
} as const

/** What a route may refuse with; each answer has the same form. */
export const refused = (...statuses: (keyof typeof REFUSALS)[]) =>
  Object.fromEntries(statuses.map((status) => [status, answer(REFUSALS[status], named('Error'))]))

function jsonBody(schema: Schema) {
  return { 'application/json': { schema } }
}
