import { and, desc, eq, isNotNull, lt, sql } from 'drizzle-orm'
import type { Reader, Tx } from '../db/open'
import { prepared } from '../db/prepared'
import { backups, tenants } from '../db/schema'
import { conflict } from '../errors'
import { latestRun } from '../runs/run'
import type { TenantRow } from '../tenants/tenant'
import { getRelease, type ReleaseRow } from './release'

type Marked = Pick<TenantRow, 'id' | 'noReturnReleaseId' | 'noReturnSince'>

/** What keeps a tenant from being started at the release that it has. */
export type NoReturn = {
  /** Has changed the data for good, or may have, without the tenant having come to it. */
  release: ReleaseRow
  /** Backups from before know nothing of it. */
  since: number
  /** The run that stopped there, while it can still be retried. */
  runId: string | null
  /** The newest backup of the app from before. */
  backup: { id: string; createdAt: number } | null
}

/** What keeps a tenant from being started at its release, as far as Atlas knows; the server has the last word. */
export function noReturnFor(db: Reader, tenant: Marked): NoReturn | null {
  const { noReturnReleaseId, noReturnSince: since } = tenant
  if (noReturnReleaseId === null || since === null) return null
  const latest = latestRun(db, tenant.id)
  const runId = latest?.kind === 'deploy' && latest.status === 'failed' ? latest.id : null
  return { release: getRelease(db, noReturnReleaseId), since, runId, backup: backupBefore(db, tenant, since) }
}

/**
 * Throws `conflict` with the reason and the ways out when `what` would start a tenant at a release that can't live with
 * its data. `data` is the backup that is put in the place of the data; one from before is a way out itself.
 */
export function requireStartable(
  db: Reader,
  tenant: Marked & Pick<TenantRow, 'subdomain' | 'release'>,
  what: string,
  data?: { createdAt: number },
): void {
  const found = noReturnFor(db, tenant)
  if (!found || (data && data.createdAt < found.since)) return
  throw conflict(`${tenant.subdomain} can’t be ${what}. ${noReturnInWords(tenant, found)}`)
}

/** What happened, and what can be done about it. */
export function noReturnInWords(
  { release: own }: Pick<TenantRow, 'release'>,
  { release: { tag }, runId, backup }: NoReturn,
): string {
  const forward = runId
    ? `Retry the deploy of ${tag}, or deploy a later release`
    : `Deploy ${tag} or a later release`
  const made = backup && `${new Date(backup.createdAt).toISOString().slice(0, 16).replace('T', ' ')} UTC`
  const back = made ? `, or restore the backup of ${made}` : '; there is no backup from before it'
  return `The deploy of ${tag} stopped after it may have changed the data for good, and ${own} can’t live with that. ${forward}${back}.`
}

/** Notes that a tenant's data may have been changed for good by a release that the tenant did not come to. */
export function passNoReturn(tx: Tx, tenantId: string, release: Pick<ReleaseRow, 'id'>, since: number): void {
  // What was changed first decides which backups know nothing of it.
  const earlier = tx
    .select({ since: tenants.noReturnSince })
    .from(tenants)
    .where(eq(tenants.id, tenantId))
    .get()?.since
  tx.update(tenants)
    .set({ noReturnReleaseId: release.id, noReturnSince: earlier ?? since })
    .where(eq(tenants.id, tenantId))
    .run()
}

/** Forgets it: the server has started the tenant's release. */
export function leaveNoReturn(tx: Tx, tenantId: string): void {
  forget(tx).run({ tenantId })
}

const forget = prepared((tx: Tx) =>
  tx
    .update(tenants)
    .set({ noReturnReleaseId: null, noReturnSince: null })
    .where(and(eq(tenants.id, sql.placeholder('tenantId')), isNotNull(tenants.noReturnReleaseId)))
    .prepare(),
)

function backupBefore(db: Reader, { id }: Marked, since: number): NoReturn['backup'] {
  const mine = and(eq(backups.tenantId, id), eq(backups.status, 'complete'), eq(backups.method, 'app'))
  const found = db
    .select({ id: backups.id, createdAt: backups.createdAt })
    .from(backups)
    .where(and(mine, lt(backups.createdAt, since)))
    .orderBy(desc(backups.createdAt))
    .limit(1)
    .get()
  return found ?? null
}
