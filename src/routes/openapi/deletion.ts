import { showTenant } from './tenants'
import { refused, tenantInPath } from './words'

/** Deletion and the way back. */
export const deletionPaths = {
  '/api/admin/tenant/{id}': {
    get: showTenant,
    delete: {
      summary: 'Delete a tenant',
      parameters: [tenantInPath],
      responses: refused(401, 403, 404, 409, 501),
    },
  },
}
