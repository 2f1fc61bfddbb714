import { hooksOf } from '../catalog/settings'
import type { StepContext } from '../runs/recipe'
import type { Services } from '../services'
import { getTenant } from '../tenants/tenant'
import { callAgent } from './agent'
import { settingsFor } from './app'

/**
 * Hands the settings over as they are with these secrets, and tells those services of them that keep a copy of their
 * own, such as a database. Harmless when they know them already. The app has them from its next start on.
 */
export async function tellSecrets(
  services: Services,
  context: StepContext,
  secrets?: Record<string, string>,
): Promise<void> {
  const tenant = getTenant(context.db.read, context.run.tenantId)
  const { compose, env } = settingsFor(services, context, tenant, secrets)
  const hooks = hooksOf(services.catalog.blueprint(tenant.blueprint))
  const summary = { settings: Object.keys(env).length, told: hooks.length }
  await callAgent(services, context, { verb: 'rotate', input: { compose, env, hooks }, summary })
}
