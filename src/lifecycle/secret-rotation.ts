import { type Actor, ATLAS, audit } from '../audit'
import type { Blueprint } from '../catalog/blueprint'
import { generateSecrets } from '../catalog/settings'
import type { Tx } from '../db/open'
import { conflict } from '../errors'
import { checkHealth, standAgain, startApp, stopAgain } from '../provisioning/app'
import { tellSecrets } from '../provisioning/tell-secrets'
import { requireStartable } from '../releases/no-return'
import { done, type Recipe, type RunFacts, type Step } from '../runs/recipe'
import { queueRun } from '../runs/verbs'
import type { Services } from '../services'
import { commonEnds } from '../tenants/failure'
import { requireReady } from '../tenants/readiness'
import { dropNextSecrets, keepNextSecrets, readNextSecrets, storeNextSecrets } from '../tenants/secrets'
import { getTenant } from '../tenants/tenant'

/**
 * Queues new values for those secrets of a tenant that its app can take up; a suspended one stays so. Throws `conflict`
 * when there are none, the tenant has no app yet or no more, or something else is being done to it.
 */
export function rotateSecrets(
  tx: Tx,
  services: Services,
  tenantId: string,
  { actor, nowMs }: { actor: Actor; nowMs: number },
): { runId: string } {
  const tenant = getTenant(tx, tenantId)
  requireReady(tx, tenant, ['active', 'suspended'], 'given new secrets')
  requireStartable(tx, tenant, 'given new secrets')
  const names = rotatedNames(services.catalog.blueprint(tenant.blueprint))
  if (names.length === 0) throw conflict('The blueprint does not say of any secret how it can be changed.')
  const runId = queueRun(tx, secretRotationRecipe(services), tenantId, {}, nowMs)
  const detail = { run: runId, secrets: names.join(' ') }
  audit(tx, nowMs, { actor, action: 'tenant.secret_rotation_asked', subject: tenantId, detail })
  return { runId }
}

/** The names of the secrets that a rotation changes. */
export function rotatedNames({ settings }: Pick<Blueprint, 'settings'>): string[] {
  return settings.flatMap((setting) => ('rotate' in setting && setting.rotate ? [setting.name] : []))
}

/** From one value of each secret to the next; the old ones stay sealed until the app is healthy with the new ones. */
export function secretRotationRecipe(services: Services): Recipe {
  return {
    kind: 'rotate-secrets',
    title: 'Rotate secrets',
    steps: [
      makeNewValues(services),
      tellNewValues(services),
      startApp(services),
      checkHealth(services),
      stopAgain(services),
    ],
    ...commonEnds(services, { forward: 'given new secrets', undo: 'given its old secrets back' }),
    succeeded: (tx, run, nowMs) => keepNewValues(tx, services, run, nowMs),
  }
}

function makeNewValues(services: Services): Step {
  return {
    name: 'make-new-values',
    title: 'Make new values and seal them',
    again: 'Makes new values again; nobody has been told of the former ones.',
    takesBack: 'Forgets the new values.',
    async run({ run, db }) {
      const tenant = getTenant(db.read, run.tenantId)
      const blueprint = services.catalog.blueprint(tenant.blueprint)
      const names = rotatedNames(blueprint)
      const made = Object.entries(generateSecrets(blueprint, services.random))
      const values = Object.fromEntries(made.filter(([name]) => names.includes(name)))
      return done({ names }, (tx) => storeNextSecrets(tx, services, tenant, values))
    },
    undo: async ({ run }) => done({}, (tx) => dropNextSecrets(tx, run.tenantId)),
  }
}

/** Tells the server of the new values, or of the old ones again when that is taken back. */
function tellNewValues(services: Services): Step {
  return {
    name: 'tell-new-values',
    title: 'Hand the new values over',
    again: 'Tells the server the same new values once more.',
    takesBack: 'Tells the server the old values again.',
    async run(context) {
      const { run, db } = context
      const secrets = readNextSecrets(db.read, services, getTenant(db.read, run.tenantId))
      await tellSecrets(services, context, secrets)
      return done()
    },
    async undo(context) {
      await tellSecrets(services, context)
      return standAgain(services, context)
    },
  }
}

function keepNewValues(tx: Tx, services: Services, { id, tenantId }: RunFacts, nowMs: number): void {
  keepNextSecrets(tx, services, getTenant(tx, tenantId))
  audit(tx, nowMs, { actor: ATLAS, action: 'tenant.secrets_rotated', subject: tenantId, detail: { run: id } })
}
