import { BackupKeyPage, BackupKeyShown } from '../../views/admin/backup-key'
import { giveOutKey, hasBackupKey } from '../backups/key'
import { AtlasError } from '../errors'
import { getTenant } from '../tenants/tenant'
import { operatorOf } from './admin'
import { json, page } from './answer'
import { readForm, readJson, requiredField } from './request'
import { type Call, routes } from './route'
import { ask } from './tenant-verbs'

/** The key that opens a tenant's backups, for whoever has to do that without Atlas. */
export const backupKeyRoutes = routes(
  {
    method: 'GET',
    path: '/admin/tenants/:id/backup-key',
    policy: 'operator',
    handle: (call) => BackupKeyPage(keyProps(call)),
  },
  {
    method: 'POST',
    path: '/admin/tenants/:id/backup-key',
    policy: 'operator',
    handle: async (call) => {
      const { confirmation = '' } = await readForm(call.request)
      return ask(call, () => shown(call, confirmation.trim()))
    },
  },
  {
    method: 'POST',
    path: '/api/admin/tenant/:id/backup-key',
    policy: 'operator_api',
    handle: async (call) => json(give(call, requiredField(await readJson(call.request), 'confirmation'))),
  },
)

function shown(call: Call, confirmation: string) {
  try {
    return BackupKeyShown({ ...keyProps(call), ...give(call, confirmation) })
  } catch (thrown) {
    if (!(thrown instanceof AtlasError) || !thrown.fields) throw thrown
    const error = thrown.fields.confirmation
    return page(BackupKeyPage({ ...keyProps(call), value: confirmation, error }), 422)
  }
}

function give({ services, params, actor }: Call, confirmation: string): { identity: string } {
  const { db, clock } = services
  const asked = { confirmation, actor, nowMs: clock.now() }
  return db.write((tx) => giveOutKey(tx, services, params.id ?? '', asked))
}

function keyProps(call: Call) {
  const { services, params } = call
  const tenant = getTenant(services.db.read, params.id ?? '')
  return { operator: operatorOf(call), tenant, hasKey: hasBackupKey(services, tenant.id) }
}
