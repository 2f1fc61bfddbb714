import { accessSync, constants, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { App } from './app'
import { builtinBlueprints } from './catalog/builtin'
import { type Catalog, loadCatalog } from './catalog/catalog'
import { syncPlans } from './catalog/plans'
import type { Clock } from './clock'
import { type Config, type Environment, readConfig, secretsOf } from './config'
import { lockDataDir } from './db/lock'
import { type Db, openCurrentDb, openDb } from './db/open'
import { installation } from './db/schema'
import { asAtlasError, invalid, notFound } from './errors'
import { healthLane } from './health/lane'
import { newId, systemRandom } from './ids'
import { inboxLane } from './inbox/inbox'
import { allRecipes } from './lifecycle/recipes'
import type { Log } from './log'
import { createHetzner } from './providers/hetzner'
import { createProbe } from './providers/http-probe'
import { createRegistry } from './providers/oci-registry'
import { createResend } from './providers/resend'
import { createRoute53, type Route53Settings } from './providers/route53'
import { createS3 } from './providers/s3'
import { createMachines } from './providers/ssh'
import type { Dial } from './providers/ssh/connection'
import { generateHostKey, publicKeyOf } from './providers/ssh/keys'
import { createStripe } from './providers/stripe'
import { rolloutLane } from './rollouts/lane'
import { recoverRuns } from './runs/claim'
import { Engine } from './runs/engine'
import { outboxLane } from './runs/outbox'
import type { Recipe } from './runs/recipe'
import { runLane } from './runs/run-lane'
import { Worker } from './runs/worker'
import { startSchedule } from './schedule'
import type { Services } from './services'

const DATABASE = 'atlas.db'
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

/**
 * Opens the data folder for commands that work beside a running Atlas, and leaves it as it is. Throws `not_found`
 * when there is no database, `conflict` when it is another version's.
 */
export function openDataBeside(dataDir: string): Db {
  const file = join(dataDir, DATABASE)
  try {
    accessSync(file, constants.R_OK | constants.W_OK)
  } catch {
    throw notFound(
      'DATA_DIR (./data unless it is set) holds no database that this user may write to. Give the folder of an Atlas that was started before; a demo’s is ./data/demo.',
    )
  }
  return openCurrentDb(file)
}

function openData(config: Config, clock: Clock): { db: Db; unlock: () => void } {
  try {
    mkdirSync(config.DATA_DIR, { recursive: true, mode: 0o700 })
    accessSync(config.DATA_DIR, constants.W_OK)
  } catch (cause) {
    throw invalid('DATA_DIR can’t be written to. Give Atlas a folder of its own.', undefined, cause)
  }
  const unlock = lockDataDir(join(config.DATA_DIR, 'atlas.lock'))
  return { db: openDb(join(config.DATA_DIR, DATABASE), clock.now()), unlock }
}

type Base = { db: Db; clock: Clock; log: Log; catalog: Catalog; sshPublicKey: string }

/** Other ways to the outside than the network, for clouds that are in the same process. */
export type Ways = { dial?: Dial; requestHandler?: Route53Settings['requestHandler'] }

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
    settings: {
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
    },
    ...makeProviders(config, clock, ways),
    newHostKey: generateHostKey,
  }
}

function makeProviders(config: Config, clock: Clock, { dial, requestHandler }: Ways) {
  const gatewayUrl = config.SERVER_GATEWAY_URL
  return {
    payments: createStripe({
      secretKey: config.STRIPE_SECRET_KEY,
      webhookSecret: config.STRIPE_WEBHOOK_SECRET,
      apiUrl: config.STRIPE_API_URL,
    }),
    cloud: createHetzner({ token: config.HETZNER_API_TOKEN, apiUrl: config.HETZNER_API_URL, clock }),
    dns: createRoute53({
      accessKeyId: config.AWS_ACCESS_KEY_ID,
      secretAccessKey: config.AWS_SECRET_ACCESS_KEY,
      hostedZoneId: config.HOSTED_ZONE_ID,
      apiUrl: config.ROUTE53_API_URL,
      clock,
      requestHandler,
    }),
    mailer: createResend({ apiKey: config.RESEND_API_KEY, apiUrl: config.RESEND_API_URL }),
    machines: createMachines({ privateKey: config.ATLAS_SSH_PRIVATE_KEY, gatewayUrl, dial, clock }),
    probe: createProbe({ gatewayUrl, clock }),
    objects: makeObjects(config, clock),
    registry: createRegistry({ ...registryLogin(config), apiUrl: config.REGISTRY_API_URL, clock }),
  }
}

function registryLogin(config: Config) {
  const { REGISTRY_HOST: host, REGISTRY_USERNAME: username, REGISTRY_PASSWORD: password } = config
  return username && password ? { host, username, password } : null
}

function makeObjects(config: Config, clock: Clock) {
  const { BACKUP_S3_ENDPOINT: endpoint, BACKUP_S3_BUCKET: bucket, BACKUP_S3_REGION: region } = config
  const { BACKUP_S3_ACCESS_KEY: accessKeyId, BACKUP_S3_SECRET_KEY: secretAccessKey } = config
  if (!endpoint || !bucket || !accessKeyId || !secretAccessKey) return null
  return createS3({ endpoint, region, bucket, accessKeyId, secretAccessKey, clock })
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

function newInstallation(clock: Clock) {
  return { id: newId('ins', clock.now()), createdAt: clock.now() }
}

function checkoutPage(config: Config): { checkoutOrigin?: string } {
  return config.STRIPE_API_URL ? { checkoutOrigin: new URL(config.STRIPE_API_URL).origin } : {}
}
