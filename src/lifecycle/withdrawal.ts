import type { Actor } from '../audit'
import type { Tx } from '../db/open'
import { conflict } from '../errors'
import { latestRun } from '../runs/run'
import type { Services } from '../services'
import { requireTenant } from '../tenants/status'
import { getTenant } from '../tenants/tenant'
import { cancel, undo } from './mend'

/**
 * Brings a tenant back whose deletion has begun, as long as it has not passed its point of no return. Throws
 * `conflict` with the reason when it can't be.
 */
export function withdrawDeletion(
  tx: Tx,
  services: Services,
  tenantId: string,
  { actor, nowMs }: { actor: Actor; nowMs: number },
): { runId: string } {
  requireTenant(getTenant(tx, tenantId), ['deleting'], 'brought back')
  const run = latestRun(tx, tenantId)
  if (run?.kind !== 'delete') throw conflict('This tenant is being taken down by an undone provisioning.')
  const verb = run.status === 'failed' ? undo : cancel
  return { runId: verb(tx, services, run.id, actor, nowMs).id }
}
