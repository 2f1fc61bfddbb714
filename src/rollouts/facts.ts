import { type SQL, sql } from 'drizzle-orm'
import { healthChecks, runs, tenants } from '../db/schema'
import { isHalfWay } from '../tenants/readiness'

/** What of a tenant decides whether it can take part in a rollout now. */
export type TenantFacts = {
  status: (typeof tenants.$inferSelect)['status']
  /** Of its health check; null when it has none. */
  health: (typeof healthChecks.$inferSelect)['state'] | null
  /** `kind status` of its latest run; a deletion that was taken back left everything as it was. */
  latestRun: string | null
  /** Whether a live run holds it. */
  isHeld: number
}

/** The columns of those facts, for a query that has the tenant as `tenants`. */
export const TENANT_FACTS = {
  status: tenants.status,
  health: sql<TenantFacts['health']>`(SELECT state FROM ${healthChecks} WHERE tenant_id = ${tenants.id})`,
  latestRun: sql<string | null>`(SELECT kind || ' ' || status FROM ${runs} WHERE tenant_id = ${tenants.id}
    AND (kind <> 'delete' OR ${runs.status} <> 'cancelled') ORDER BY created_at DESC LIMIT 1)`,
  // Literals, because SQLite uses no partial index for bound values.
  isHeld: sql<number>`EXISTS (SELECT 1 FROM ${runs} WHERE tenant_id = ${tenants.id}
    AND ${runs.status} IN ('queued', 'running', 'waiting'))` as SQL<number>,
}

/** Why a tenant can't take part, as a sentence; null when it can, now or soon. */
export function obstacleOf(facts: TenantFacts): string | null {
  return absenceOf(facts) ?? (facts.health === 'unhealthy' ? 'Its app does not answer.' : null)
}

/** Why nothing can be deployed to it, not even its former release, as a sentence; null when something can. */
export function absenceOf({ status, latestRun }: Pick<TenantFacts, 'status' | 'latestRun'>): string | null {
  const [kind = '', ended = ''] = latestRun?.split(' ') ?? []
  const isStopped = isHalfWay({ kind, status: ended })
  return (
    BECAUSE[status] ?? (isStopped ? `Its run “${kind.replaceAll('-', ' ')}” has stopped half-way.` : null)
  )
}

/** Whether something else is being done to it, or it is not known whether it is well. */
export function isBusy({ isHeld, health }: TenantFacts): boolean {
  return isHeld === 1 || health === 'failing'
}

const BECAUSE: Record<TenantFacts['status'], string | null> = {
  provisioning: 'It is being provisioned.',
  failed: 'Its provisioning failed.',
  active: null,
  suspended: 'It is suspended.',
  deleting: 'It is being deleted.',
  deleted: 'It was deleted.',
}
