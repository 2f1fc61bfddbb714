import { cookieName } from './cookie'

type Schema = Record<string, unknown>

const text = (description: string): Schema => ({ type: 'string', description })
const object = (properties: Record<string, Schema>, required = Object.keys(properties)): Schema => ({
  type: 'object',
  properties,
  required,
})
const jsonBody = (schema: Schema) => ({ 'application/json': { schema } })
const body = (schema: Schema) => ({ required: true, content: jsonBody(schema) })
const answer = (description: string, schema: Schema) => ({ description, content: jsonBody(schema) })

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
  501: 'This Atlas can’t do it yet.',
  503: 'A provider can’t be reached; try again.',
} as const

const refused = (...statuses: (keyof typeof REFUSALS)[]) =>
  Object.fromEntries(
    statuses.map((status) => [status, answer(REFUSALS[status], { $ref: '#/components/schemas/Error' })]),
  )

const operator = [{ token: [] }, { session: [] }]
const id = { name: 'id', in: 'path', required: true, schema: text('The tenant’s id, `ten_…`.') }
const tenantId = body(object({ tenant_id: text('The tenant’s id, `ten_…`.') }))
const query = (name: string, schema: Schema) => ({ name, in: 'query', schema })

const TENANT = object({
  id: text('`ten_…`'),
  subdomain: text('Its name.'),
  url: text('Where it answers.'),
  status: { enum: ['provisioning', 'active', 'suspended', 'failed', 'deleting', 'deleted'] },
  plan: text('The plan’s name.'),
  release: text('The release it runs.'),
  owner_email: text('Whose it is.'),
  created_at: { type: 'integer', description: 'UTC milliseconds.' },
})

const PATHS = {
  '/api/signup': {
    post: {
      summary: 'Begin a signup and open its checkout',
      security: [],
      requestBody: body(
        object({
          subdomain: text('The name to have.'),
          email: text('The owner’s address.'),
          plan: text('A plan’s key, such as `starter`.'),
        }),
      ),
      responses: {
        201: answer(
          'Held. Send the customer to `checkout_url`.',
          object({
            signup_id: text('`sig_…`'),
            checkout_url: text('Where the customer pays.'),
            status_url: text('A page that follows the signup.'),
          }),
        ),
        ...refused(400, 403, 409, 413, 415, 422, 429, 503),
      },
    },
  },
  '/api/stripe/webhook': {
    post: {
      summary: 'Receive an event of Stripe',
      security: [],
      parameters: [{ name: 'Stripe-Signature', in: 'header', required: true, schema: { type: 'string' } }],
      requestBody: body({ type: 'object' }),
      responses: {
        200: answer('Stored, also when the type is unknown.', object({ received: { const: true } })),
        400: answer('It does not verify.', { $ref: '#/components/schemas/Error' }),
        ...refused(413),
      },
    },
  },
  '/api/admin/provision': {
    post: {
      summary: 'Approve a paid signup and provision its tenant',
      requestBody: body(object({ signup_id: text('The signup’s id, `sig_…`.') })),
      responses: {
        202: answer('Queued.', object({ tenant_id: text('`ten_…`'), run_id: text('`run_…`') })),
        ...refused(400, 401, 403, 404, 409, 413, 415, 422),
      },
    },
  },
  '/api/admin/tenants': {
    get: {
      summary: 'List tenants',
      parameters: [
        query('q', text('Part of the name or of the owner’s address.')),
        query('status', { type: 'string' }),
        query('plan', text('A plan’s id, such as `virtues/starter`.')),
        query('sort', { enum: ['subdomain', 'plan', 'status', 'created'] }),
        query('dir', { enum: ['asc', 'desc'] }),
        query('page', { type: 'integer', minimum: 1 }),
      ],
      responses: {
        200: answer(
          'One page.',
          object({
            tenants: { type: 'array', items: { $ref: '#/components/schemas/Tenant' } },
            page: { type: 'integer' },
            per_page: { type: 'integer' },
            total: { type: 'integer' },
          }),
        ),
        ...refused(401),
      },
    },
  },
  '/api/admin/suspend': {
    post: {
      summary: 'Suspend a tenant',
      requestBody: tenantId,
      responses: refused(400, 401, 403, 404, 409, 413, 415, 422, 501),
    },
  },
  '/api/admin/unsuspend': {
    post: {
      summary: 'Resume a tenant',
      requestBody: tenantId,
      responses: refused(400, 401, 403, 404, 409, 413, 415, 422, 501),
    },
  },
  '/api/admin/tenant/{id}': {
    delete: { summary: 'Delete a tenant', parameters: [id], responses: refused(401, 403, 404, 409, 501) },
  },
}

/** The API's description as an OpenAPI 3.1 document. */
export function openApi(baseUrl: string) {
  return {
    openapi: '3.1.0',
    info: { title: 'Atlas', version: '1', description: 'Signups, tenants and their lives.' },
    servers: [{ url: baseUrl }],
    security: operator,
    paths: PATHS,
    components: {
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer', description: 'Made by `atlas token create`.' },
        session: { type: 'apiKey', in: 'cookie', name: cookieName('session', baseUrl) },
      },
      schemas: {
        Tenant: TENANT,
        Error: object({
          error: object(
            {
              code: text('One of few; see the README.'),
              message: text('What is wrong, in words.'),
              fields: { type: 'object', additionalProperties: { type: 'string' } },
            },
            ['code', 'message'],
          ),
        }),
      },
    },
  }
}
