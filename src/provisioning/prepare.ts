import { and, eq, isNull } from 'drizzle-orm'
import { generateSecrets as newSecrets } from '../catalog/settings'
import { servers } from '../db/schema'
import { done, type Step } from '../runs/recipe'
import type { Services } from '../services'
import { destroySecrets, storeSecrets } from '../tenants/secrets'
import { getTenant, serverOfRun } from '../tenants/tenant'

/** The name under which the server's first host key is kept, sealed, until it is rotated away. */
export const FIRST_HOST_KEY = 'first-host-key'

/** Makes the tenant's secrets and its server's first host key, and stores them sealed. */
export function generateSecrets(services: Services): Step {
  return {
    name: 'generate-secrets',
    title: 'Generate and seal secrets',
    again: 'Keeps what is sealed already and makes what is missing.',
    takesBack: 'Destroys the secrets.',
    async run({ run, db }) {
      const tenant = getTenant(db.read, run.tenantId)
      const secrets = newSecrets(services.catalog.blueprint(tenant.blueprint), services.random)
      const hostKey = services.newHostKey()
      return done({ names: Object.keys(secrets) }, (tx, nowMs) => {
        storeSecrets(tx, services, tenant, { ...secrets, [FIRST_HOST_KEY]: hostKey.privateKey }, nowMs)
        tx.update(servers)
          .set({ hostKey: hostKey.publicKey })
          .where(and(eq(servers.id, serverOfRun(tx, run).id), isNull(servers.hostKey)))
          .run()
      })
    },
    async undo({ run }) {
      return done({}, (tx) => destroySecrets(tx, run.tenantId))
    },
  }
}
