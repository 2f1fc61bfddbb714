import { type Actor, audit } from '../audit'
import type { Tx } from '../db/open'
import { conflict } from '../errors'
import { getRun, latestRun, retryRun, undoRun } from '../runs/run'
import { getSignup, moveSignup } from '../signups/signup'
import { getTenant, moveTenant } from '../tenants/tenant'

/** Goes on with a failed run at the step that failed. Throws `conflict` when it has not failed. */
export function retryProvisioning(tx: Tx, tenantId: string, actor: Actor, nowMs: number): string {
  const run = retryRun(tx, failedRunOf(tx, tenantId), nowMs)
  const tenant = getTenant(tx, tenantId)
  if (run.direction === 'forward') {
    moveTenant(tx, tenant, 'provisioning', nowMs, { statusReason: null })
    if (tenant.signupId) moveSignup(tx, getSignup(tx, tenant.signupId), 'provisioning', nowMs)
  }
  audit(tx, nowMs, { actor, action: 'run.retried', subject: tenantId, detail: { run: run.id } })
  return run.id
}

/** Takes down whatever a failed provisioning made. Throws `conflict` when it has not failed. */
export function undoProvisioning(tx: Tx, tenantId: string, actor: Actor, nowMs: number): string {
  const run = undoRun(tx, failedRunOf(tx, tenantId), nowMs)
  moveTenant(tx, getTenant(tx, tenantId), 'deleting', nowMs, { statusReason: null })
  audit(tx, nowMs, { actor, action: 'run.undone', subject: tenantId, detail: { run: run.id } })
  return run.id
}

function failedRunOf(tx: Tx, tenantId: string): string {
  getTenant(tx, tenantId)
  const run = latestRun(tx, tenantId)
  if (!run || run.status !== 'failed')
    throw conflict('Nothing has failed here that could be retried or undone.')
  return run.id
}
