import type { Reader } from '../db/open'
import { type AtlasError, conflict } from '../errors'
import { latestRun } from '../runs/run'
import { requireTenant, type TenantStatus } from './status'
import type { TenantRow } from './tenant'

/** Kinds of runs that leave a live tenant between two states when they stop half-way. */
const HALF_WAY = ['change-plan', 'move', 'restore', 'rotate-secrets']

/** Whether a run has stopped with its tenant's things between two states, until it is retried or undone. */
export function isHalfWay(run: { kind: string; status: string }): boolean {
  return run.status === 'failed' && [...HALF_WAY, 'provision', 'delete'].includes(run.kind)
}

/** Whether another run would take the place of one that somebody still has to retry or undo. */
export function waitsForSomebody(run: { kind: string; status: string }): boolean {
  return isHalfWay(run) || (run.status === 'failed' && ['suspend', 'resume'].includes(run.kind))
}

/**
 * Throws `conflict` with the reason when a tenant is in none of the statuses in which something can be done to it, or
 * when a run stopped half-way through: it must be retried or undone first, or nobody could do either any more.
 */
export function requireReady(
  db: Reader,
  tenant: TenantRow,
  allowed: readonly TenantStatus[],
  what: string,
): void {
  requireTenant(tenant, allowed, what)
  const latest = latestRun(db, tenant.id)
  if (latest?.status === 'failed' && HALF_WAY.includes(latest.kind)) throw hasStopped(latest, tenant, what)
}

/**
 * The same for what only copies a tenant: it makes up for no run that failed, and must not take the place of one.
 * Whatever changes the tenant leaves its app as its status says.
 */
export function requireUndisturbed(
  db: Reader,
  tenant: TenantRow,
  allowed: readonly TenantStatus[],
  what: string,
): void {
  requireTenant(tenant, allowed, what)
  const latest = latestRun(db, tenant.id)
  if (latest && waitsForSomebody(latest)) throw hasStopped(latest, tenant, what)
}

function hasStopped({ kind }: { kind: string }, { subdomain }: TenantRow, what: string): AtlasError {
  const words = `The run “${kind.replace('-', ' ')}” of ${subdomain} has stopped half-way.`
  return conflict(`${words} Retry or undo it first; then it can be ${what}.`)
}
