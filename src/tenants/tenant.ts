import { and, desc, eq, isNull, sql } from 'drizzle-orm'
import type { Reader, Tx } from '../db/open'
import { prepared } from '../db/prepared'
import { dnsRecords, servers, tenants } from '../db/schema'
import { notFound } from '../errors'
import { newId, type Random } from '../ids'
import type { RunFacts } from '../runs/recipe'
import { checkTenantTransition, type TenantStatus } from './status'

export type TenantRow = typeof tenants.$inferSelect
export type ServerRow = typeof servers.$inferSelect
export type DnsRecordRow = typeof dnsRecords.$inferSelect

/** Writes down a server that is going to be made, with a name that no other server has, now or later. */
export function planServer(
  tx: Tx,
  tenant: Pick<TenantRow, 'id' | 'subdomain'>,
  role: ServerRow['role'],
  nowMs: number,
  random: Random,
): ServerRow {
  const id = newId('srv', nowMs, random)
  const name = serverNameOf(tenant.subdomain, id)
  return tx
    .insert(servers)
    .values({ id, tenantId: tenant.id, role, provider: 'hetzner', name, createdAt: nowMs })
    .returning()
    .get()
}

/** The name of a server at its cloud. */
export function serverNameOf(subdomain: string, serverId: string): string {
  return `${subdomain}-${serverId.slice(-6)}`
}

/** Where a tenant's sealed data key is kept. */
export function dataKeyPlace(tenantId: string): string {
  return `tenants/${tenantId}/data_key`
}

const tenantById = prepared((db) =>
  db
    .select()
    .from(tenants)
    .where(eq(tenants.id, sql.placeholder('tenantId')))
    .prepare(),
)

/** A tenant by its id. Throws `not_found`. */
export function getTenant(db: Reader, tenantId: string): TenantRow {
  const tenant = tenantById(db).get({ tenantId })
  if (!tenant) throw notFound('There is no such tenant.')
  return tenant
}

/** A literal: SQLite compiles a query again for each value that could fit a partial index. */
export const IS_CURRENT = eq(servers.role, 'current').inlineParams()

const currentServer = prepared((db) =>
  db
    .select()
    .from(servers)
    .where(and(eq(servers.tenantId, sql.placeholder('tenantId')), IS_CURRENT))
    .prepare(),
)

/** The server that a tenant lives on, as Atlas knows it. Throws `not_found`. */
export function serverOf(db: Reader, tenantId: string): ServerRow {
  const server = currentServer(db).get({ tenantId })
  if (!server) throw notFound('This tenant has no server.')
  return server
}

/** The server that a run works on: the one that its input names, otherwise the tenant's. Throws `not_found`. */
export function serverOfRun(db: Reader, run: Pick<RunFacts, 'tenantId' | 'input'>): ServerRow {
  const { serverId } = run.input
  if (typeof serverId !== 'string') return serverOf(db, run.tenantId)
  return getServer(db, serverId)
}

const serverById = prepared((db) =>
  db
    .select()
    .from(servers)
    .where(eq(servers.id, sql.placeholder('serverId')))
    .prepare(),
)

/** A server by its id. Throws `not_found`. */
export function getServer(db: Reader, serverId: string): ServerRow {
  const server = serverById(db).get({ serverId })
  if (!server) throw notFound('There is no such server.')
  return server
}

/** The plan that a run works for: the one that it leads to, otherwise the tenant's. */
export function planIdOfRun(
  { direction, input }: Pick<RunFacts, 'direction' | 'input'>,
  { planId }: Pick<TenantRow, 'planId'>,
): string {
  return direction === 'forward' && typeof input.planId === 'string' ? input.planId : planId
}

/** Every server of a tenant that is there or may be: while it moves there are two. */
export function serversOf(db: Reader, tenantId: string): ServerRow[] {
  const present = and(eq(servers.tenantId, tenantId), isNull(servers.deletedAt))
  return db.select().from(servers).where(present).all()
}

/** Every server that a tenant has or ever had. */
export function allServersOf(db: Reader, tenantId: string): ServerRow[] {
  return db.select().from(servers).where(eq(servers.tenantId, tenantId)).all()
}

/** The latest DNS record made for a tenant, deleted or not. */
export function dnsRecordOf(db: Reader, tenantId: string): DnsRecordRow | undefined {
  return db
    .select()
    .from(dnsRecords)
    .where(eq(dnsRecords.tenantId, tenantId))
    .orderBy(desc(dnsRecords.createdAt))
    .limit(1)
    .get()
}

/** Moves a tenant to another status, together with what else changes. Throws `conflict` when it may not. */
export function moveTenant(
  tx: Tx,
  tenant: TenantRow,
  status: TenantStatus,
  nowMs: number,
  change: Partial<TenantRow> = {},
): void {
  checkTenantTransition(tenant.status, status)
  tx.update(tenants)
    .set({ ...change, status, updatedAt: nowMs })
    .where(eq(tenants.id, tenant.id))
    .run()
}

/** The tenant's own name without a port, as DNS has it. */
export function hostnameOf(tenant: Pick<TenantRow, 'subdomain'>, tenantDomain: string): string {
  return `${tenant.subdomain}.${tenantDomain.replace(/:\d+$/, '')}`
}

/**
 * The tenant's address for people. A TENANT_DOMAIN with a port is a development one and has no certificates,
 * so its addresses are http.
 */
export function urlOf(tenant: Pick<TenantRow, 'subdomain'>, tenantDomain: string): string {
  const scheme = /:\d+$/.test(tenantDomain) ? 'http' : 'https'
  return `${scheme}://${tenant.subdomain}.${tenantDomain}`
}
