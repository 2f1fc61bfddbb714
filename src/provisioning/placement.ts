import { pickServerType } from '../catalog/server-type'
import { conflict } from '../errors'
import { done, type Step } from '../runs/recipe'
import type { Services } from '../services'
import { type ServerRow, serverOfRun } from '../tenants/tenant'

/** Makes sure that the server can have the type that the run is for, before anything is touched. */
export function checkPlacement(services: Services): Step {
  return {
    name: 'check-placement',
    title: 'Look whether the server can have the plan’s type',
    again: 'Asks Hetzner which types it has there.',
    async run({ run, db }) {
      const planId = String(run.input.planId)
      const { serverType } = await typeForPlan(services, serverOfRun(db.read, run), planId)
      if (serverType === run.input.serverType) return done({ serverType })
      throw conflict(
        `Hetzner no longer offers ${run.input.serverType} there, but ${serverType}. Undo, then change the plan again.`,
      )
    },
  }
}

/**
 * The server type that a plan wants where the server is, and the one that it has. Throws `conflict` when the plan's is
 * not available there, or has a smaller disk than the server: disks don't shrink.
 */
export async function typeForPlan(
  { cloud, catalog }: Services,
  { externalId }: Pick<ServerRow, 'externalId'>,
  planId: string,
): Promise<{ serverType: string; formerType: string }> {
  const server = externalId ? await cloud.getServer(externalId) : null
  if (!server) throw conflict('The server is gone. Move the tenant to a new one.')
  const { plan } = catalog.plan(planId)
  const { name, diskGb } = pickServerType(plan.server, server.location, await cloud.listServerTypes())
  if (diskGb < server.diskGb) {
    throw conflict(
      `${name}, which ${plan.name} takes, has a disk of ${diskGb} GB, and the server’s has ${server.diskGb} GB. Move the tenant to a new server of that plan instead.`,
    )
  }
  return { serverType: name, formerType: server.serverType }
}
