import { eq } from 'drizzle-orm'
import { type Actor, ATLAS, audit } from '../audit'
import type { Tx } from '../db/open'
import { tenants } from '../db/schema'
import { conflict } from '../errors'
import { PATIENCE } from '../provisioning/patience'
import type { Recipe, RunFacts, Step } from '../runs/recipe'
import { queueRun } from '../runs/verbs'
import type { Services } from '../services'
import { requireUndisturbed } from '../tenants/readiness'
import { getTenant, serverOf } from '../tenants/tenant'
import { type BackupMethod, type BackupReason, beginBackup, missingFor } from './backup'
import { copyTenant } from './copy'
import { copyingEnds } from './ends'

type Wanted = { actor: Actor; reason: BackupReason; method: BackupMethod; nowMs: number }

/**
 * Queues a backup of a tenant: of its app, encrypted, into our storage, or an image of its server's disk. Throws
 * `conflict` with the reason when that can't be, or when something else is being done to the tenant.
 */
export function backUpTenant(
  tx: Tx,
  services: Services,
  tenantId: string,
  { actor, reason, method, nowMs }: Wanted,
): { runId: string; backupId: string } {
  const tenant = getTenant(tx, tenantId)
  requireUndisturbed(tx, tenant, ['active', 'suspended'], 'backed up')
  const server = serverOf(tx, tenantId)
  const missing = missingFor(services, tenant, server, method)
  if (missing) throw conflict(missing)
  const runId = queueRun(tx, backupRecipe(services), tenantId, { method, reason }, nowMs)
  const { id: backupId } = beginBackup(tx, services, { tenant, server, runId, method, reason }, nowMs)
  audit(tx, nowMs, {
    actor,
    action: 'backup.asked',
    subject: tenantId,
    detail: { run: runId, method, reason },
  })
  return { runId, backupId }
}

/** A copy of a tenant, made while it goes on living. */
export function backupRecipe(services: Services): Recipe {
  const ends = copyingEnds(services, { forward: 'backed up', undo: 'left without a backup' })
  return {
    kind: 'backup',
    title: 'Back up',
    steps: [runBackup(services)],
    ...ends,
    succeeded: (tx, run, nowMs) => tellSuccess(tx, run, nowMs),
  }
}

function runBackup(services: Services): Step {
  return {
    name: 'run-backup',
    title: 'Copy and encrypt',
    patience: PATIENCE.disk,
    again: 'Finds the backup if it was made, or makes it.',
    run: (context) => {
      const { method, reason } = context.run.input as { method: BackupMethod; reason: BackupReason }
      return copyTenant(services, context, { method, reason })
    },
  }
}

/** What an earlier backup may have failed for is over. */
function tellSuccess(tx: Tx, { id, tenantId }: RunFacts, nowMs: number): void {
  tx.update(tenants).set({ statusReason: null, updatedAt: nowMs }).where(eq(tenants.id, tenantId)).run()
  audit(tx, nowMs, { actor: ATLAS, action: 'backup.complete', subject: tenantId, detail: { run: id } })
}
