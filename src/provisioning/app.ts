import { ownerEmail } from '../accounts/organization'
import type { Shop } from '../catalog/blueprint'
import { renderSettings } from '../catalog/settings'
import { asAtlasError, conflict } from '../errors'
import type { AgentCommand } from '../providers/machines'
import { livedWith } from '../releases/lineage'
import { leaveNoReturn } from '../releases/no-return'
import { getRelease, imagesOf } from '../releases/release'
import { type Done, done, type Step, type StepContext, type SwiftStep, wait } from '../runs/recipe'
import type { Services } from '../services'
import { readSecrets } from '../tenants/secrets'
import {
  getTenant,
  hostnameOf,
  planIdOfRun,
  type ServerRow,
  serverOfRun,
  type TenantRow,
  urlOf,
} from '../tenants/tenant'
import { askAgent, callAgent } from './agent'
import { PATIENCE } from './patience'
import { pauseMs } from './pause'

const START_TIMEOUT_MS = 600_000
const STOP_TIMEOUT_MS = 120_000
const PROBE_TIMEOUT_MS = 5_000
const LOG_LINES = 40
/** What the agent calls it that the release is from before one that has changed the data for good. */
const NO_RETURN = 'no-return'

/** Hands the compose file and the settings to the server, over SSH and never through user-data. */
export function deliverSettings(services: Services): SwiftStep {
  return {
    name: 'deliver-settings',
    title: 'Deliver the settings',
    again: 'Writes the compose file and the settings anew.',
    takesBack: 'Delivers the settings as they were before.',
    async run(context) {
      const tenant = getTenant(context.db.read, context.run.tenantId)
      const { compose, env } = settingsFor(services, context, tenant)
      const names = Object.keys(env)
      const summary = { settings: names.length }
      const { result } = await callAgent(services, context, {
        verb: 'settings',
        input: { compose, env },
        summary,
      })
      return done({ sha256: String(result.sha256), names })
    },
  }
}

type Start = {
  /** Instead of the server that the run works on. */
  server?: ServerRow
  /** Whether the data is brought to the release first: after it was put back, it may be older. */
  migrates?: boolean
}

/** Starts the app at the tenant's release. */
export function startApp(services: Services, how: Start = {}): SwiftStep {
  return {
    name: 'start-app',
    title: 'Start the app',
    again:
      'Starts the app, or finds that it runs. A start that is still going on is joined, not begun twice.',
    takesBack: 'Stops the app again.',
    run: (context) => start(services, context, how),
  }
}

/** Stops the app, and starts it again when that is taken back; its data and its name stay. */
export function stopApp(services: Services): SwiftStep {
  return {
    name: 'stop-app',
    title: 'Stop the app',
    again: 'Stops the app, or finds it stopped.',
    takesBack: 'Starts the app again.',
    run: (context) => stop(services, context),
    undo: (context) => start(services, context),
  }
}

/** Asks the app for its health over the tenant's own name, at that server's address and no other. */
export function checkHealth(services: Services): Step {
  return {
    name: 'check-health',
    title: 'Check the app’s health',
    patience: PATIENCE.health,
    again: 'Asks the app again, for as long as its blueprint allows.',
    async run(context) {
      const { run, db, startedAt, now } = context
      const tenant = getTenant(db.read, run.tenantId)
      const { health } = services.catalog.blueprint(tenant.blueprint)
      const url = `${urlOf(tenant, services.settings.tenantDomain)}${health.path}`
      const address = serverOfRun(db.read, run).ipv4
      if (!address) throw conflict('The server has no address yet.')
      const answer = await services.probe.get({ url, address, timeoutMs: PROBE_TIMEOUT_MS })
      if (answer.ok && answer.status === health.expectStatus) return done({ status: answer.status, url })

      const why = answer.ok
        ? `It answered with status ${answer.status} instead of ${health.expectStatus}.`
        : answer.reason
      const waitedMs = now() - startedAt
      if (waitedMs < health.timeoutMinutes * 60_000) return wait(pauseMs(waitedMs), why)
      await keepLogTail(services, context)
      throw conflict(
        `The app did not become healthy within ${health.timeoutMinutes} minutes. ${why} The log below has its last words; retry once it is mended, or undo.`,
      )
    },
  }
}

/** The app of a suspended tenant was started to see that it works, no longer. */
export function stopAgain(services: Services): SwiftStep {
  return {
    name: 'stop-again',
    title: 'Stop it again if it is suspended',
    again: 'Stops the app, or finds it stopped.',
    async run(context) {
      // Another command than a stop before it, which has ended long ago.
      return isSuspended(context) ? stop(services, context, 'again') : done()
    },
  }
}

/** The app as it was before a run that is taken back: it starts, or stays stopped where the tenant is suspended. */
export function standAgain(services: Services, context: StepContext): Promise<Done> {
  return isSuspended(context) ? stop(services, context) : start(services, context)
}

export function isSuspended({ run, db }: StepContext): boolean {
  return getTenant(db.read, run.tenantId).status === 'suspended'
}

/**
 * Has the server start the app at the tenant's release, which also takes a holding page away. Throws `conflict` when
 * that release can't live with the data any more; what is taken back is then left without its app.
 */
export async function start(
  services: Services,
  context: StepContext,
  { server, migrates = false }: Start = {},
): Promise<Done> {
  const { blueprint, releaseId, release } = getTenant(context.db.read, context.run.tenantId)
  const options = { timeoutMs: START_TIMEOUT_MS, onLog: context.log }
  const { registry } = services.settings
  // By digest, so that what starts is what was deployed, whatever the tag stands for by now.
  const images = releaseId ? { images: imagesOf(getRelease(context.db.read, releaseId)) } : {}
  const { migrate } = services.catalog.blueprint(blueprint).deploy
  const input = {
    release,
    ...images,
    lives_with: livedWith(context.db.read, releaseId),
    ...(migrates && migrate ? { migrate } : {}),
    ...(registry ? { registry } : {}),
  }
  const call = { verb: 'start' as const, input, summary: { release }, server }
  try {
    const { result } = await callAgent(services, context, call, options)
    const digest = result.digest ? String(result.digest) : null
    return done({ release, digest }, (tx) => leaveNoReturn(tx, context.run.tenantId))
  } catch (thrown) {
    const { facts, message } = asAtlasError(thrown)
    if (context.run.direction !== 'undo' || facts?.part !== NO_RETURN) throw thrown
    context.log(`The app stays stopped. ${message}`)
    return done({ release: null, digest: null })
  }
}

/** Has the server stop the app; visitors get the holding page instead, where the blueprint has one. */
export async function stop(
  services: Services,
  context: StepContext,
  part?: string,
  attempt?: string,
): Promise<Done> {
  const tenant = getTenant(context.db.read, context.run.tenantId)
  const { suspension, shop } = services.catalog.blueprint(tenant.blueprint)
  const input = suspension.holdingPage ? { holding: holdingPage(services, tenant, shop) } : {}
  const summary = { visitors: suspension.holdingPage ? 'get a holding page' : 'get no answer' }
  const options = { timeoutMs: STOP_TIMEOUT_MS, onLog: context.log }
  await callAgent(services, context, { verb: 'stop', part, attempt, input, summary }, options)
  return done()
}

/** The same on a server that may be off or gone: then nothing is left to stop. */
export async function stopIfOn(services: Services, context: StepContext): Promise<Done> {
  try {
    return await stop(services, context)
  } catch (thrown) {
    if (asAtlasError(thrown).code !== 'unavailable') throw thrown
    const { externalId } = serverOfRun(context.db.read, context.run)
    const server = externalId ? await services.cloud.getServer(externalId) : null
    if (server && server.status !== 'off') throw thrown
    return done({ skipped: 'The server is off.' })
  }
}

function holdingPage({ settings }: Services, tenant: TenantRow, shop: Shop) {
  const support = shop.supportEmail ?? settings.adminEmail
  return {
    title: 'This site is paused',
    message: `${hostnameOf(tenant, settings.tenantDomain)} can’t be visited at the moment. If it is yours, write to ${support}.`,
  }
}

/** What a tenant's server is handed, with these secrets or with those that it has. */
export function settingsFor(
  services: Services,
  { db, run }: StepContext,
  tenant: TenantRow,
  secrets = readSecrets(db.read, services, tenant),
) {
  const { catalog, settings } = services
  return renderSettings(catalog.blueprint(tenant.blueprint), {
    tenant: {
      id: tenant.id,
      subdomain: tenant.subdomain,
      domain: hostnameOf(tenant, settings.tenantDomain),
      url: urlOf(tenant, settings.tenantDomain),
    },
    organization: { email: ownerEmail(db.read, tenant.organizationId) ?? '' },
    plan: catalog.plan(planIdOfRun(run, tenant)).plan,
    release: tenant.release,
    secrets,
    env: services.env,
  })
}

/** What the machine last said, for the operator who has to find out why it failed. */
async function keepLogTail(services: Services, { run, db, log }: StepContext): Promise<void> {
  try {
    const command: AgentCommand = { verb: 'logs', commandId: `${run.id}-logs`, input: { lines: LOG_LINES } }
    const { result } = await askAgent(services, serverOfRun(db.read, run), command)
    const lines = Array.isArray(result.lines) ? result.lines : []
    for (const line of lines.slice(-LOG_LINES)) log(String(line))
  } catch (thrown) {
    // The run fails for a reason of its own, which this must not hide.
    services.log.error('a machine’s log could not be read', thrown, { run: run.id })
    log(`The machine’s log could not be read: ${asAtlasError(thrown).message}`)
  }
}
