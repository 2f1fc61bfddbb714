import { queued, refused, tenantInPath } from './words'

/** New values for a tenant's secrets. */
export const secretRotationPaths = {
  '/api/admin/tenant/{id}/secret-rotation': {
    post: {
      summary: 'Give a tenant’s app new secrets',
      parameters: [tenantInPath],
      responses: { 202: queued, ...refused(401, 403, 404, 409) },
    },
  },
}
