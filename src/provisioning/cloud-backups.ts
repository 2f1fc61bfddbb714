import { conflict } from '../errors'
import { done, type SwiftStep } from '../runs/recipe'
import type { Services } from '../services'
import { getTenant, planIdOfRun, serverOfRun } from '../tenants/tenant'

/** Has the cloud make its own daily backups of the server, or make none any more, as the tenant's plan says. */
export function setCloudBackups({ cloud, catalog }: Services): SwiftStep {
  return {
    name: 'enable-cloud-backups',
    title: 'Set the cloud’s own backups',
    again: 'Looks whether they are as the plan wants, and sets them if not.',
    takesBack: 'Sets them as the former plan wants.',
    async run({ run, db, effect }) {
      const wanted = catalog.plan(planIdOfRun(run, getTenant(db.read, run.tenantId))).plan.backups.cloud
      const { externalId, name } = serverOfRun(db.read, run)
      const server = externalId ? await cloud.getServer(externalId) : null
      if (!externalId || !server) throw conflict('The server is gone. Undo, or move the tenant to another.')
      if (server.backups === wanted) return done({ enabled: wanted })
      await effect(
        { provider: 'hetzner', verb: 'setBackups', key: externalId, summary: { name, enabled: wanted } },
        () => cloud.setBackups(externalId, wanted),
        (reply) => reply?.actionId ?? null,
      )
      return done({ enabled: wanted })
    },
  }
}
