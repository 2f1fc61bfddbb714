import { type Actor, audit } from '../audit'
import type { Tx } from '../db/open'
import { conflict } from '../errors'
import { getRun, latestRun, retryRun, undoRun } from '../runs/run'
import { getSignup, moveSignup } from '../signups/signup'
import { getTenant, moveTenant } from '../tenants/tenant'

/** Goes on with a failed run at the step that failed. Throws `conflict` when it has not failed. */
export function retryProvisioning(tx: Tx, runId: string, actor: Actor, nowMs: number): void {
  refuseOldRun(tx, runId)
  const run = retryRun(tx, runId, nowMs)
  const tenant = getTenant(tx, run.tenantId)
  // A run that nobody had a recipe for failed without telling its tenant.
  if (run.direction === 'forward' && tenant.status === 'failed') {
    moveTenant(tx, tenant, 'provisioning', nowMs, { statusReason: null })
    if (tenant.signupId) moveSignup(tx, getSignup(tx, tenant.signupId), 'provisioning', nowMs)
  }
  audit(tx, nowMs, { actor, action: 'run.retried', subject: tenant.id, detail: { run: run.id } })
}

/** Takes down whatever a failed provisioning made. Throws `conflict` when it has not failed. */
export function undoProvisioning(tx: Tx, runId: string, actor: Actor, nowMs: number): void {
  refuseOldRun(tx, runId)
  const run = undoRun(tx, runId, nowMs)
  moveTenant(tx, getTenant(tx, run.tenantId), 'deleting', nowMs, { statusReason: null })
  audit(tx, nowMs, { actor, action: 'run.undone', subject: run.tenantId, detail: { run: run.id } })
}

/** Only a tenant's latest run speaks for it. */
function refuseOldRun(tx: Tx, runId: string): void {
  const run = getRun(tx, runId)
  if (latestRun(tx, run.tenantId)?.id !== runId) throw conflict('A later run has taken this one’s place.')
}
