import { showTenant } from './tenants'
import { answer, object, query, queued, refused, tenantInPath, text } from './words'

/** One tenant, its deletion and the way back. */
export const deletionPaths = {
  '/api/admin/tenant/{id}': {
    get: showTenant,
    delete: {
      summary: 'Delete a tenant',
      description:
        'Last copies are made; until the cool-off ends it can be brought back; then everything goes.',
      parameters: [
        tenantInPath,
        query('cool_off_days', { type: 'integer', minimum: 0, maximum: 90, default: 7 }),
        query('image', {
          type: 'boolean',
          default: true,
          description: 'Whether an image of the disk is made.',
        }),
        query('confirm_many', {
          type: 'boolean',
          default: false,
          description: 'That another one is meant after 5 within an hour.',
        }),
      ],
      responses: {
        202: answer(
          'Begun.',
          object({
            run_id: text('`run_…`'),
            delete_at: { type: 'integer', description: 'When its cool-off ends; UTC milliseconds.' },
          }),
        ),
        ...refused(401, 403, 404, 409, 422),
      },
    },
  },
  '/api/admin/tenant/{id}/undeletion': {
    post: {
      summary: 'Bring a tenant back whose deletion has begun',
      parameters: [tenantInPath],
      responses: { 202: queued, ...refused(401, 403, 404, 409) },
    },
  },
}
