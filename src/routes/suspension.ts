import { SuspensionPage } from '../../views/admin/suspension'
import { ownerEmail } from '../accounts/organization'
import { resumeTenant, suspendTenant } from '../lifecycle/suspension'
import { requireReady } from '../tenants/readiness'
import { getTenant } from '../tenants/tenant'
import { operatorOf } from './admin'
import { readJson, requiredField } from './request'
import { type Call, routes } from './route'
import { act, actForProgram, ask, type TenantVerb } from './tenant-verbs'

const suspend: TenantVerb = (tx, services, tenantId, asked) =>
  suspendTenant(tx, services, tenantId, { ...asked, because: 'operator' })

/** Suspension and the way back. */
export const suspensionRoutes = routes(
  {
    method: 'GET',
    path: '/admin/tenants/:id/suspension',
    policy: 'operator',
    handle: (call) => ask(call, () => SuspensionPage(suspensionProps(call))),
  },
  {
    method: 'POST',
    path: '/admin/tenants/:id/suspension',
    policy: 'operator',
    handle: (call) => act(call, suspend),
  },
  {
    method: 'POST',
    path: '/admin/tenants/:id/resumption',
    policy: 'operator',
    handle: (call) => act(call, resumeTenant),
  },
  {
    method: 'POST',
    path: '/api/admin/suspend',
    policy: 'operator_api',
    handle: async (call) =>
      actForProgram(call, requiredField(await readJson(call.request), 'tenant_id'), suspend),
  },
  {
    method: 'POST',
    path: '/api/admin/unsuspend',
    policy: 'operator_api',
    handle: async (call) =>
      actForProgram(call, requiredField(await readJson(call.request), 'tenant_id'), resumeTenant),
  },
)

function suspensionProps(call: Call) {
  const { db, catalog } = call.services
  const tenant = getTenant(db.read, call.params.id ?? '')
  requireReady(db.read, tenant, ['active'], 'suspended')
  return {
    operator: operatorOf(call),
    tenant: { ...tenant, ownerEmail: ownerEmail(db.read, tenant.organizationId) ?? 'Nobody' },
    hasHoldingPage: catalog.blueprint(tenant.blueprint).suspension.holdingPage,
  }
}
