import { body, object, queued, refused, TENANT_ID } from './words'

const tenantId = body(object({ tenant_id: TENANT_ID }))

/** Suspension and the way back. */
export const suspensionPaths = {
  '/api/admin/suspend': {
    post: {
      summary: 'Suspend a tenant',
      requestBody: tenantId,
      responses: { 202: queued, ...refused(400, 401, 403, 404, 409, 413, 415, 422) },
    },
  },
  '/api/admin/unsuspend': {
    post: {
      summary: 'Resume a suspended tenant',
      requestBody: tenantId,
      responses: { 202: queued, ...refused(400, 401, 403, 404, 409, 413, 415, 422) },
    },
  },
}
