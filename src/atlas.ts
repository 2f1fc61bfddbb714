import { App } from './app'
import { openData } from './atlas/data-dir'
import { makeProviders, registryLogin, type Ways } from './atlas/providers'
import { builtinBlueprints } from './catalog/builtin'
import { type Catalog, loadCatalog } from './catalog/catalog'
import { syncPlans } from './catalog/plans'
import type { Clock } from './clock'
import { type Config, type Environment, readConfig } from './config'
import { secretsOf } from './config/secrets'
import type { Db } from './db/open'
import { installation } from './db/schema'
import { asAtlasError, invalid } from './errors'
import { healthLane } from './health/lane'
import { newId, systemRandom } from './ids'
import { inboxLane } from './inbox/inbox'
import { allRecipes } from './lifecycle/recipes'
import type { Log } from './log'
import { generateHostKey, publicKeyOf } from './providers/ssh/keys'
import { rolloutLane } from './rollouts/lane'
import { recoverRuns } from './runs/claim'
import { Engine } from './runs/engine'
import { outboxLane } from './runs/outbox'
import type { Recipe } from './runs/recipe'
import { runLane } from './runs/run-lane'
import { Worker } from './runs/worker'
import { startSchedule } from './schedule'
import type { Services } from './services'

const STOP_GRACE_MS = 1_000

/** A running Atlas. */
export type Atlas = {
  services: Services
  worker: Worker
  port: number
  stop(): Promise<void>
}

/** Makes the whole of Atlas from its environment and starts it. Throws `invalid` listing every problem found. */
export function startAtlas(env: Environment, clock: Clock, log: Log): Atlas {
  log.hide(...secretsOf(env))
  const { config, ...read } = readSettings(env)
  const { db, unlock } = openData(config, clock)
  const services = makeServices(config, env, { ...read, db, clock, log })
  const worker = makeWorker(services)
  const app = new App(services, checkoutPage(config))
  const port = app.listen(config.PORT)
  worker.start()
  const stopSchedule = startSchedule(services)
  return {
    services,
    worker,
    port,
    async stop() {
      stopSchedule()
      await app.stop()
      await worker.stop(STOP_GRACE_MS)
      services.machines.close()
      db.close()
      unlock()
    },
  }
}

type Settings = { config: Config; catalog: Catalog; sshPublicKey: string }

/**
 * The configuration, and what it means to those who use it, blueprints and SSH. Throws `invalid` with all their
 * problems at once.
 */
export function readSettings(env: Environment): Settings {
  const problems: string[] = []
  const config = orProblem(problems, () => readConfig(env))
  const sshPublicKey = orProblem(problems, () => sshPublicKeyIn(env), 'ATLAS_SSH_PRIVATE_KEY: ')
  const dir = env.BLUEPRINTS_DIR?.trim() || undefined
  const catalog = orProblem(problems, () => loadCatalog({ builtin: builtinBlueprints, dir, env }))
  if (config && catalog && sshPublicKey) return { config, catalog, sshPublicKey }
  throw invalid(problems.join('\n'))
}

/** Undefined when there is no key, which the configuration says already. */
function sshPublicKeyIn(env: Environment): string | undefined {
  const privateKey = env.ATLAS_SSH_PRIVATE_KEY?.trim()
  return privateKey && publicKeyOf(privateKey)
}

function orProblem<T>(problems: string[], read: () => T, about = ''): T | undefined {
  try {
    return read()
  } catch (thrown) {
    const error = asAtlasError(thrown)
    if (error.code !== 'invalid') throw thrown
    problems.push(`${about}${error.message}`)
  }
}

type Base = { db: Db; clock: Clock; log: Log; catalog: Catalog; sshPublicKey: string }

/** What the domain works with, on an open database. */
export function makeServices(
  config: Config,
  env: Environment,
  { sshPublicKey, ...base }: Base,
  ways: Ways = {},
): Services {
  const { db, clock, catalog } = base
  const installationId = db.write((tx) => {
    syncPlans(tx, catalog, clock.now())
    const known = tx.select().from(installation).get()
    return (known ?? tx.insert(installation).values(newInstallation(clock)).returning().get()).id
  })
  return {
    ...base,
    random: systemRandom,
    env,
    settings: settingsIn(config, installationId, sshPublicKey),
    ...makeProviders(config, clock, ways),
    newHostKey: generateHostKey,
  }
}

function newInstallation(clock: Clock) {
  return { id: newId('ins', clock.now()), createdAt: clock.now() }
}

function settingsIn(config: Config, installationId: string, sshPublicKey: string): Services['settings'] {
  return {
    installationId,
    baseUrl: config.BASE_URL,
    tenantDomain: config.TENANT_DOMAIN,
    adminEmail: config.ADMIN_EMAIL.toLowerCase(),
    emailFrom: config.EMAIL_FROM,
    authSecret: config.AUTH_SECRET,
    encryptionKey: config.ENCRYPTION_KEY,
    livemode: /^(sk|rk)_live_/.test(config.STRIPE_SECRET_KEY),
    reconcilePolicy: config.RECONCILE_POLICY,
    limits: {
      servers: config.HETZNER_SERVER_LIMIT ?? null,
      addresses: config.HETZNER_ADDRESS_LIMIT ?? null,
    },
    registry: registryLogin(config),
    githubSecret: config.GITHUB_WEBHOOK_SECRET ?? null,
    sshKeyId: config.ATLAS_SSH_KEY_ID,
    sshPublicKey,
  }
}

type Workings = { chance?: () => number; recipes?: readonly Recipe[] }

/** What works on runs, events and mails; first it takes up what a process that died has left. */
export function makeWorker(
  services: Services,
  { chance = Math.random, recipes = allRecipes(services) }: Workings = {},
): Worker {
  const { db, clock, log, mailer, settings } = services
  const holder = `atlas-${process.pid}`
  const recovered = db.write((tx) => recoverRuns(tx, clock.now()))
  if (recovered > 0) log.info('runs go on after a stop', { runs: recovered })
  const engine = new Engine({ db, clock, log, recipes, chance })
  return new Worker(db, clock, log, [
    runLane(db, clock, engine, holder),
    inboxLane(services, chance),
    healthLane(services),
    rolloutLane(services),
    outboxLane({ db, clock, log, mailer, key: settings.encryptionKey, chance }),
  ])
}

function checkoutPage(config: Config): { checkoutOrigin?: string } {
  return config.STRIPE_API_URL ? { checkoutOrigin: new URL(config.STRIPE_API_URL).origin } : {}
}
