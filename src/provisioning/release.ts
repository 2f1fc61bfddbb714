import { and, eq, isNull, max, ne, type SQL } from 'drizzle-orm'
import { effects, servers } from '../db/schema'
import type { CloudServer } from '../providers/cloud'
import { noteServer } from '../quotas/quotas'
import { done, type Step, type StepContext, type StepResult, wait } from '../runs/recipe'
import type { Services } from '../services'
import { allServersOf, serverOfRun } from '../tenants/tenant'
import { PATIENCE } from './patience'
import { pauseMs } from './pause'

/** Hetzner's lists lag behind what was just made; for so long one that shows nothing is not believed. */
const LIST_LAG_MS = 10_000

/** Deletes a server, the run's own unless it is given, and waits until the cloud has it no more. */
export function deleteServer(
  services: Services,
  context: StepContext,
  { id, name } = serverOfRun(context.db.read, context.run),
): Promise<StepResult> {
  return giveBackServers(services, context, (server) => server.name === name, eq(servers.id, id))
}

/** Deletes every server that carries the tenant's label, also one that Atlas has lost sight of. */
export function deleteServers(services: Services): Step {
  return {
    name: 'delete-server',
    title: 'Delete the server',
    patience: PATIENCE.action,
    again: 'Looks for every server with the tenant’s label, and deletes what is there.',
    run: (context) =>
      giveBackServers(services, context, () => true, eq(servers.tenantId, context.run.tenantId)),
  }
}

/** Gives the addresses of servers that are gone back, which the cloud charges for as long as it keeps them. */
export function releaseAddresses({ cloud }: Services): Step {
  return {
    name: 'release-addresses',
    title: 'Give the addresses back',
    patience: PATIENCE.action,
    again: 'Looks which addresses are still kept, and gives them back.',
    async run({ run, db, effect, startedAt, now }) {
      const rows = allServersOf(db.read, run.tenantId).filter(({ deletedAt }) => deletedAt !== null)
      const ours = new Set(rows.flatMap(({ ipv4Id, ipv6Id }) => [ipv4Id, ipv6Id]))
      const gone = new Set(rows.map(({ externalId }) => externalId))
      const kept = (await cloud.listPrimaryIps()).filter(({ id }) => ours.has(id))
      for (const { id, ip } of kept.filter(({ serverId }) => serverId === null)) {
        await effect(
          { provider: 'hetzner', verb: 'deletePrimaryIp', key: id, summary: { ip } },
          () => cloud.deletePrimaryIp(id),
          () => id,
        )
      }
      const held = kept.filter(({ serverId }) => serverId !== null && gone.has(serverId))
      if (held.length === 0) return done()
      return wait(pauseMs(now() - startedAt), 'Hetzner is taking the addresses off the server.')
    },
  }
}

/** Deletes the volumes that carry the tenant's label. */
export function deleteVolumes({ cloud, settings }: Services): Step {
  return {
    name: 'delete-volumes',
    title: 'Delete the volumes',
    again: 'Looks for volumes with the tenant’s label, and deletes what is there.',
    async run({ run, effect }) {
      const volumes = await cloud.listVolumes({ atlas: settings.installationId, tenant: run.tenantId })
      for (const { id, name } of volumes) {
        await effect(
          { provider: 'hetzner', verb: 'deleteVolume', key: id, summary: { name } },
          () => cloud.deleteVolume(id),
          () => id,
        )
      }
      return done({ volumes: volumes.length })
    },
  }
}

async function giveBackServers(
  services: Services,
  { run, db, effect, startedAt, now }: StepContext,
  isMeant: (server: CloudServer) => boolean,
  rows: SQL,
): Promise<StepResult> {
  const { cloud } = services
  const found = await presentServers(services, { run, db }, isMeant, rows)
  const unsureMs = askedForAt(db, run.id) + LIST_LAG_MS - now()
  if (found.length === 0 && unsureMs > 0)
    return wait(unsureMs, 'A server may be made that is not listed yet.')
  if (found.length === 0) {
    return done({}, (tx, deletedAt) => {
      const were = tx
        .select()
        .from(servers)
        .where(and(rows, isNull(servers.deletedAt)))
        .all()
      for (const row of were) if (row.externalId !== null) noteServer(tx, services, row, -1, deletedAt)
      tx.update(servers)
        .set({ deletedAt })
        .where(and(rows, isNull(servers.deletedAt)))
        .run()
    })
  }
  for (const { id, name } of found.filter(({ status }) => status !== 'deleting')) {
    await effect(
      { provider: 'hetzner', verb: 'deleteServer', key: id, summary: { name } },
      () => cloud.deleteServer(id),
      () => id,
    )
  }
  const names = found.map(({ name }) => name).join(', ')
  return wait(pauseMs(now() - startedAt), `Hetzner is deleting ${names}.`)
}

/** What the list shows, and what it does not show although Atlas knows that it was there. */
async function presentServers(
  { cloud, settings }: Services,
  { run, db }: Pick<StepContext, 'run' | 'db'>,
  isMeant: (server: CloudServer) => boolean,
  rows: SQL,
): Promise<CloudServer[]> {
  const labels = { atlas: settings.installationId, tenant: run.tenantId }
  const listed = (await cloud.listServers(labels)).filter(isMeant)
  const known = db.read
    .select()
    .from(servers)
    .where(and(rows, isNull(servers.deletedAt)))
    .all()
  const unlisted = known.flatMap(({ externalId }) =>
    externalId !== null && !listed.some(({ id }) => id === externalId) ? [externalId] : [],
  )
  const found = await Promise.all(unlisted.map((id) => cloud.getServer(id)))
  return [...listed, ...found.filter((server) => server !== null)]
}

/** When a run last asked for a server that it may have got; 0 when it never did. */
function askedForAt(db: StepContext['db'], runId: string): number {
  const mine = and(eq(effects.runId, runId), eq(effects.verb, 'ensureServer'), ne(effects.outcome, 'refused'))
  const asked = db.read
    .select({ at: max(effects.requestedAt) })
    .from(effects)
    .where(mine)
    .get()
  return asked?.at ?? 0
}
