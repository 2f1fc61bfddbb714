import { TENANT_SORTS } from '../../tenants/list'
import { answer, body, inOrder, list, named, object, query, refused, tenantInPath, text, time } from './words'

const FACTS = {
  id: text('`ten_…`'),
  subdomain: text('Its name.'),
  url: text('Where it answers.'),
  status: { enum: ['provisioning', 'active', 'suspended', 'failed', 'deleting', 'deleted'] },
  plan: text('The plan’s name.'),
  release: text('The release it runs.'),
  owner_email: text('Whose it is.'),
  created_at: { type: 'integer', description: 'UTC milliseconds.' },
}

export const TENANT = object(FACTS)

const DETAILED_TENANT = object({
  ...FACTS,
  plan_id: text('The plan’s id, such as `virtues/starter`.'),
  status_reason: { type: ['string', 'null'], description: 'What went wrong with it last.' },
  start_obstacle: {
    type: ['string', 'null'],
    description: 'Why its release can’t be started on its data, and what to do. Null for most.',
  },
  release_since: time('Since when it runs its release.'),
  wanted_release: { type: ['string', 'null'], description: 'The release that it should run and does not.' },
  tags: list(text('Such as `beta`.')),
  suspended_for: { enum: ['operator', 'unpaid', 'canceled', null] },
  suspended_at: time('When it was suspended.'),
  delete_at: time('When the cool-off of its deletion ends.'),
  server: {
    oneOf: [
      object({
        name: text('Its name at the cloud.'),
        external_id: { type: ['string', 'null'] },
        server_type: { type: ['string', 'null'] },
        location: { type: ['string', 'null'] },
        ipv4: { type: ['string', 'null'] },
        ipv6: { type: ['string', 'null'] },
      }),
      { type: 'null' },
    ],
  },
  run: { oneOf: [named('Run'), { type: 'null' }], description: 'The run at work on it, or the last one.' },
})

/** The list of tenants, and one of them. */
export const tenantPaths = {
  '/api/admin/tenant/{id}/tags': {
    post: {
      summary: 'Give a tenant these tags and no others',
      parameters: [tenantInPath],
      requestBody: body(object({ tags: list(text('Such as `beta`.')) })),
      responses: {
        200: answer('Its tags.', object({ tags: list(text('Such as `beta`.')) })),
        ...refused(400, 401, 403, 404, 413, 415, 422),
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
        ...inOrder(TENANT_SORTS),
        query('page', { type: 'integer', minimum: 1 }),
      ],
      responses: {
        200: answer(
          'One page.',
          object({
            tenants: list(named('Tenant')),
            page: { type: 'integer' },
            per_page: { type: 'integer' },
            total: { type: 'integer' },
          }),
        ),
        ...refused(401),
      },
    },
  },
}

/** One tenant, at a path that others share. */
export const showTenant = {
  summary: 'Show a tenant',
  parameters: [tenantInPath],
  responses: { 200: answer('The tenant.', DETAILED_TENANT), ...refused(401, 404) },
}
