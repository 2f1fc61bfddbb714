import { and, eq, isNull, or } from 'drizzle-orm'
import { servers, tenants } from '../../db/schema'
import { conflict } from '../../errors'
import type { CloudServer } from '../../providers/cloud'
import { noteServer } from '../../quotas/quotas'
import { getTenant } from '../../tenants/tenant'
import { requireUnpointed } from './pointing'
import {
  type Case,
  type Consequence,
  changed,
  idOf,
  nothingMore,
  perform,
  type Remedy,
  requireOurs,
} from './remedying'

/** Deletes a server that no living tenant lives on and no name leads to. */
export const deleteServer: Remedy = async (one) => {
  const { services } = one
  const server = await services.cloud.getServer(idOf(one))
  if (!server || server.status === 'deleting') return nothingMore
  requireOurs(one, server.labels)
  requireStray(one, server)
  await requireUnpointed(one, addressesOf(server))
  const { id, name } = server
  await perform(one, { provider: 'hetzner', verb: 'deleteServer', key: id, summary: { name } }, () =>
    services.cloud.deleteServer(id),
  )
  return (tx, nowMs) => {
    tx.update(servers)
      .set({ deletedAt: nowMs })
      .where(and(eq(servers.externalId, id), isNull(servers.deletedAt)))
      .run()
    noteServer(tx, services, server, -1, nowMs)
  }
}

/** Writes the ids and addresses of a server down in the row that was made for it. */
export const adoptServer: Remedy = async (one) => {
  const server = await standing(one)
  const row = String(one.facts.row)
  return (tx) => {
    const adopted = tx
      .update(servers)
      .set({ externalId: server.id, ...mirrorOf(server) })
      .where(and(eq(servers.id, row), isNull(servers.externalId), isNull(servers.deletedAt)))
      .returning({ id: servers.id })
      .all()
    if (adopted.length === 0) throw changed()
  }
}

/** Makes our row equal to the server. */
export const mirrorServer: Remedy = async (one) => {
  const server = await standing(one)
  return (tx) => {
    tx.update(servers).set(mirrorOf(server)).where(eq(servers.externalId, server.id)).run()
  }
}

/** Switches the server of an active tenant on. */
export const powerOn: Remedy = async (one) => {
  const { id, name } = await standing(one)
  if (tenantOf(one).status !== 'active') throw changed()
  await perform(one, { provider: 'hetzner', verb: 'powerOn', key: id, summary: { name } }, () =>
    one.services.cloud.powerOn(id),
  )
  return nothingMore
}

export const backupsOn: Remedy = (one) => setBackups(one, true)
export const backupsOff: Remedy = (one) => setBackups(one, false)

/** The plan may have become another one since: what it includes is never turned off, nor what it does not turned on. */
async function setBackups(one: Case, enabled: boolean): Promise<Consequence> {
  const { id, name } = await standing(one)
  const { planId, status } = tenantOf(one)
  const lives = status === 'active' || status === 'suspended'
  if (!lives || one.services.catalog.plan(planId).plan.backups.cloud !== enabled) throw changed()
  await perform(one, { provider: 'hetzner', verb: 'setBackups', key: id, summary: { name, enabled } }, () =>
    one.services.cloud.setBackups(id, enabled),
  )
  return nothingMore
}

/** The tenant that a finding is about, as it is now. */
const tenantOf = ({ services, finding }: Case) => getTenant(services.db.read, finding.tenantId ?? '')

/** The server as it is now. Throws `conflict` when it is gone, or not ours. */
async function standing(one: Case): Promise<CloudServer> {
  const server = await one.services.cloud.getServer(idOf(one))
  if (!server) throw changed()
  requireOurs(one, server.labels)
  return server
}

/** A tenant that lives may have forgotten its server, but never loses the one that its row names or was made for. */
function requireStray({ services }: Case, { id, name, labels }: CloudServer): void {
  const { read } = services.db
  const mine = or(eq(servers.externalId, id), eq(servers.id, labels.server ?? ''), eq(servers.name, name))
  const rows = read.select().from(servers).where(mine).all()
  for (const row of rows) {
    const tenant = read.select().from(tenants).where(eq(tenants.id, row.tenantId)).get()
    const isStray =
      tenant?.status === 'deleted' ||
      row.deletedAt !== null ||
      row.role === 'former' ||
      (row.externalId !== null && row.externalId !== id)
    if (!isStray) throw conflict('A tenant lives on this server now. Look again.')
  }
}

const addressesOf = ({ ipv4, ipv6 }: CloudServer) => [ipv4, ipv6].filter((one) => one !== null)

function mirrorOf({ serverType, location, diskGb, ipv4, ipv6, ipv4Id, ipv6Id }: CloudServer) {
  return { serverType, location, diskGb, ipv4, ipv6, ipv4Id, ipv6Id }
}
