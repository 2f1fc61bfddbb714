import { and, eq, notInArray, sql } from 'drizzle-orm'
import type { Tx } from '../db/open'
import { rolloutTargets, tenants } from '../db/schema'
import type { RolloutRow } from './rollout'

/** Everybody is to run the release from now on, also those that were set aside, failed, or came meanwhile. */
export function wantByAll(tx: Tx, { id, blueprint, releaseId }: RolloutRow, updatedAt: number): void {
  const skipped = sql`(SELECT tenant_id FROM ${rolloutTargets} WHERE rollout_id = ${id} AND state = 'skipped')`
  tx.update(tenants)
    .set({ wantedReleaseId: releaseId, updatedAt })
    .where(
      and(
        eq(tenants.blueprint, blueprint),
        notInArray(tenants.status, ['deleting', 'deleted']),
        sql`${tenants.id} NOT IN ${skipped}`,
      ),
    )
    .run()
}

/** Who could not be reached on the way back is taken back when it returns; nobody is to be brought forward any more. */
export function wantBack(tx: Tx, { id, releaseId }: RolloutRow, updatedAt: number): void {
  const former = sql`(SELECT former_release_id FROM ${rolloutTargets}
    WHERE rollout_id = ${id} AND tenant_id = ${tenants.id})`
  const isTarget = sql`EXISTS (SELECT 1 FROM ${rolloutTargets} WHERE rollout_id = ${id} AND tenant_id = ${tenants.id})`
  tx.update(tenants)
    .set({ wantedReleaseId: former, updatedAt })
    .where(and(eq(tenants.wantedReleaseId, releaseId), isTarget))
    .run()
}
