import { and, eq, isNull, type SQL } from 'drizzle-orm'
import { servers } from '../db/schema'
import type { CloudServer } from '../providers/cloud'
import { noteServer } from '../quotas/quotas'
import { done, type Step, type StepContext, type StepResult, wait } from '../runs/recipe'
import type { Services } from '../services'
import { allServersOf, serverOfRun } from '../tenants/tenant'
import { pauseMs } from './pause'

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
  { run, effect, startedAt, now }: StepContext,
  isMeant: (server: CloudServer) => boolean,
  rows: SQL,
): Promise<StepResult> {
  const { cloud, settings } = services
  const labels = { atlas: settings.installationId, tenant: run.tenantId }
  const found = (await cloud.listServers(labels)).filter(isMeant)
  if (found.length === 0) {
    return done({}, (tx, deletedAt) => {
      const were = tx
        .select()
        .from(servers)
        .where(and(rows, isNull(servers.deletedAt)))
        .all()
      for (const row of were) if (row.externalId !== null) noteServer(tx, services, row, -1, deletedAt)
      tx.update(servers).set({ deletedAt }).where(rows).run()
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
