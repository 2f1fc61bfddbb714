import { SecretRotationPage } from '../../views/admin/secret-rotation'
import { rotatedNames, rotateSecrets } from '../lifecycle/secret-rotation'
import { requireStartable } from '../releases/no-return'
import { requireReady } from '../tenants/readiness'
import { getTenant } from '../tenants/tenant'
import { operatorOf } from './admin'
import { type Call, routes } from './route'
import { act, actForProgram, ask } from './tenant-verbs'

/** New values for a tenant's secrets. */
export const secretRotationRoutes = routes(
  {
    method: 'GET',
    path: '/admin/tenants/:id/secret-rotation',
    policy: 'operator',
    handle: (call) => ask(call, () => SecretRotationPage(secretRotationProps(call))),
  },
  {
    method: 'POST',
    path: '/admin/tenants/:id/secret-rotation',
    policy: 'operator',
    handle: (call) => act(call, rotateSecrets),
  },
  {
    method: 'POST',
    path: '/api/admin/tenant/:id/secret-rotation',
    policy: 'operator_api',
    handle: (call) => actForProgram(call, call.params.id ?? '', rotateSecrets),
  },
)

function secretRotationProps(call: Call) {
  const { db, catalog } = call.services
  const tenant = getTenant(db.read, call.params.id ?? '')
  requireReady(db.read, tenant, ['active', 'suspended'], 'given new secrets')
  requireStartable(db.read, tenant, 'given new secrets')
  const blueprint = catalog.blueprint(tenant.blueprint)
  const changing = rotatedNames(blueprint)
  const generated = blueprint.settings.flatMap((setting) => ('generate' in setting ? [setting.name] : []))
  const staying = generated.filter((name) => !changing.includes(name))
  return { operator: operatorOf(call), tenant, changing, staying }
}
