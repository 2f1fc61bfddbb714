import { eq } from 'drizzle-orm'
import { agentScript } from '../catalog/builtin'
import { pickPlacement } from '../catalog/server-type'
import { renderUserData } from '../catalog/user-data'
import { servers } from '../db/schema'
import { AtlasError, conflict } from '../errors'
import type { CloudServer, FirewallSpec, ServerSpec } from '../providers/cloud'
import { noteServer } from '../quotas/quotas'
import { waitForRoom, waitIfFull } from '../quotas/room'
import { done, type Step, type StepContext, wait } from '../runs/recipe'
import type { Services, Settings } from '../services'
import { readSecrets } from '../tenants/secrets'
import { getTenant, hostnameOf, planIdOfRun, serverOfRun } from '../tenants/tenant'
import { removeDns } from './name'
import { PATIENCE } from './patience'
import { pauseMs } from './pause'
import { FIRST_HOST_KEY } from './prepare'
import { deleteServer } from './release'

const ANYWHERE = ['0.0.0.0/0', '::/0']

/** One firewall for all tenants' servers: the cloud allows few of them, and every server needs the same rules. */
export function firewallSpec({ installationId }: Settings): FirewallSpec {
  return {
    name: `atlas-${installationId.slice(-8)}`,
    labels: { atlas: installationId },
    rules: [
      { protocol: 'tcp', port: '22', sourceIps: ANYWHERE, description: 'SSH' },
      { protocol: 'tcp', port: '80', sourceIps: ANYWHERE, description: 'HTTP' },
      { protocol: 'tcp', port: '443', sourceIps: ANYWHERE, description: 'HTTPS' },
      { protocol: 'icmp', sourceIps: ANYWHERE, description: 'Ping' },
    ],
  }
}

/** Finds that firewall, or creates it. */
export function ensureFirewall({ cloud, settings }: Services): Step {
  const spec = firewallSpec(settings)
  const { name } = spec
  return {
    name: 'ensure-firewall',
    title: 'Find or create the firewall',
    again: 'Finds the firewall by its name, or creates it.',
    async run({ effect }) {
      const firewall = await effect(
        {
          provider: 'hetzner',
          verb: 'ensureFirewall',
          key: name,
          summary: { name, open: 'ssh, http, https, ping' },
        },
        () => cloud.ensureFirewall(spec),
        (reply) => reply.id,
      )
      return done({ firewallId: firewall.id })
    },
  }
}

/** Finds the tenant's server by its name, or creates it; the id is stored before anything waits for it. */
export function createServer(services: Services): Step {
  return {
    name: 'create-server',
    title: 'Create the server',
    patience: { ...PATIENCE.name, except: 'room' },
    again: 'Finds the server by its name, or creates it.',
    takesBack: 'Deletes the server and everything on it.',
    async run(context) {
      const full = await waitForRoom(services, context)
      if (full) return full
      const spec = await serverSpec(services, context)
      const reply = await orderServer(services, context, spec).catch((thrown) =>
        waitIfFull(services, context, thrown),
      )
      if ('kind' in reply) return reply
      const { server, actionIds, created } = reply
      const facts = {
        externalId: server.id,
        serverType: server.serverType,
        location: server.location,
        image: spec.image,
        diskGb: server.diskGb,
        ...addresses(server),
      }
      return done({ serverId: server.id, actionIds }, (tx, nowMs) => {
        const row = serverOfRun(tx, context.run)
        tx.update(servers).set(facts).where(eq(servers.id, row.id)).run()
        if (created) noteServer(tx, services, server, 1, nowMs)
      })
    },
    async undo(context) {
      // An older database may not know that the name leads to it.
      const removed = await removeDns(services, context)
      return removed.kind === 'wait' ? removed : deleteServer(services, context)
    },
  }
}

function orderServer({ cloud }: Services, { effect }: StepContext, spec: ServerSpec) {
  const { name, serverType, location, image } = spec
  return effect(
    { provider: 'hetzner', verb: 'ensureServer', key: name, summary: { name, serverType, location, image } },
    () => cloud.ensureServer(spec),
    (reply) => reply.server.id,
  )
}

/** Waits until the cloud says that the server runs. */
export function waitForServer(services: Services): Step {
  return {
    name: 'wait-for-server',
    title: 'Wait for the server to start',
    patience: PATIENCE.action,
    again: 'Asks Hetzner how far it is.',
    async run({ run, output, startedAt, now }) {
      const { serverId, actionIds } = output('create-server') as { serverId: string; actionIds: string[] }
      const actions = await services.cloud.getActions(actionIds)
      const failed = actions.find((action) => action.status === 'error')
      if (failed) {
        throw conflict(
          `Hetzner could not create the server (${failed.error?.code ?? failed.command}). Undo, then approve again.`,
        )
      }
      const running = actions.find((action) => action.status === 'running')
      const pause = pauseMs(now() - startedAt)
      if (running) return wait(pause, `Hetzner is creating the server: ${running.progress} %.`)
      const server = await services.cloud.getServer(serverId)
      if (!server) throw conflict('The server is gone. Undo, then approve again.')
      if (server.status !== 'running' || !server.ipv4) return wait(pause, `The server is ${server.status}.`)
      return done({ ipv4: server.ipv4 }, (tx) =>
        tx
          .update(servers)
          .set(addresses(server))
          .where(eq(servers.id, serverOfRun(tx, run).id))
          .run(),
      )
    },
  }
}

async function serverSpec(services: Services, { run, db, output }: StepContext): Promise<ServerSpec> {
  const { catalog, cloud, settings } = services
  const tenant = getTenant(db.read, run.tenantId)
  const server = serverOfRun(db.read, run)
  const blueprint = catalog.blueprint(tenant.blueprint)
  const { plan } = catalog.plan(planIdOfRun(run, tenant))
  const { location, serverType } = pickPlacement(blueprint, plan, await cloud.listServerTypes())
  const privateKey = readSecrets(db.read, services, tenant)[FIRST_HOST_KEY]
  if (!privateKey || !server.hostKey) throw new AtlasError('internal', 'The server has no first host key.')
  return {
    name: server.name,
    serverType: serverType.name,
    location,
    image: blueprint.server.image,
    sshKeyIds: [settings.sshKeyId],
    firewallId: (output('ensure-firewall') as { firewallId: string }).firewallId,
    labels: { atlas: settings.installationId, tenant: tenant.id, server: server.id, run: run.id },
    userData: renderUserData(blueprint, {
      hostKey: { privateKey, publicKey: server.hostKey },
      atlasPublicKey: settings.sshPublicKey,
      agent: agentScript,
      hostname: hostnameOf(tenant, settings.tenantDomain),
    }),
  }
}

function addresses(server: CloudServer) {
  const { ipv4, ipv6, ipv4Id, ipv6Id } = server
  return { ipv4, ipv6, ipv4Id, ipv6Id }
}
