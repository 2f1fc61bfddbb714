import { resumeTenant, suspendTenant } from '../lifecycle/suspension'
import { json } from './answer'
import { readJson, requiredField } from './request'
import { routes } from './route'

/** Suspension and the way back. */
export const suspensionRoutes = routes(
  {
    method: 'POST',
    path: '/api/admin/suspend',
    policy: 'operator_api',
    handle: async ({ services, request, actor }) => {
      const { db, clock } = services
      const tenantId = requiredField(await readJson(request), 'tenant_id')
      const asked = { actor, because: 'operator' as const, nowMs: clock.now() }
      const { runId } = db.write((tx) => suspendTenant(tx, services, tenantId, asked))
      return json({ run_id: runId }, 202)
    },
  },
  {
    method: 'POST',
    path: '/api/admin/unsuspend',
    policy: 'operator_api',
    handle: async ({ services, request, actor }) => {
      const { db, clock } = services
      const tenantId = requiredField(await readJson(request), 'tenant_id')
      const asked = { actor, nowMs: clock.now() }
      const { runId } = db.write((tx) => resumeTenant(tx, services, tenantId, asked))
      return json({ run_id: runId }, 202)
    },
  },
)
