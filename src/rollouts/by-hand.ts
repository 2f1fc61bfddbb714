import { missingFor } from '../backups/backup'
import type { Reader, Tx } from '../db/open'
import { barrierTo, DEPLOYABLE, type DeployAsked, deployTenant } from '../deployments/deploy'
import { oneWay, passedReleases, wantsBackup, wayTo } from '../releases/lineage'
import { getRelease, type ReleaseRow } from '../releases/release'
import { whatHolds } from '../runs/verbs'
import type { Services } from '../services'
import { requireReady } from '../tenants/readiness'
import { getTenant, serverOf } from '../tenants/tenant'
import { heldInWords, requireClear } from './obstacles'
import { usualDeployMs } from './prospect'
import { liveRollout } from './rollout'

/** What a deploy to one tenant would do. */
export type DeployOutlook = {
  release: ReleaseRow
  /** `back`: to a release that is older than the tenant's; its data is not migrated. */
  way: 'forward' | 'back'
  /** Whether the tenant could be taken back when it fails. */
  canGoBack: boolean
  /** Whether the tenant is copied first. */
  copies: boolean
  takesMs: number
  /** What keeps it from being started, a sentence each. */
  obstacles: string[]
}

/**
 * What a deploy of a release to one tenant would do now: the dry run. Throws `conflict` when the tenant's state does
 * not allow any, `not_found` for it.
 */
export function lookAtDeploy(
  db: Reader,
  services: Pick<Services, 'objects' | 'catalog' | 'settings'>,
  tenantId: string,
  release: ReleaseRow,
): DeployOutlook {
  const tenant = getTenant(db, tenantId)
  requireReady(db, tenant, DEPLOYABLE, 'brought to another release')
  const way = wayTo(db, release, tenant.releaseId)
  const passed = way === 'forward' ? passedReleases(db, tenant.releaseId, release) : []
  const copies = wantsBackup(passed)
  const live = liveRollout(db, tenant.blueprint)
  const missing = copies ? missingFor(services, tenant, serverOf(db, tenantId), 'app') : null
  const obstacles = [
    tenant.releaseId === release.id && `${tenant.subdomain} runs ${release.tag} already.`,
    whatHolds(db, tenantId),
    live && heldInWords(db, live, services.settings.baseUrl),
    barrierTo(db, tenant, release),
    missing && `A backup is to be made first. ${missing}`,
  ].filter((obstacle) => typeof obstacle === 'string')
  return { release, way, canGoBack: !oneWay(passed), copies, takesMs: usualDeployMs(db), obstacles }
}

/**
 * Queues a deploy to one tenant that somebody asked for; nobody else gets the release. Throws `conflict` with the
 * reason when a rollout holds the fleet, when it has the release already, or when there is no way back and nobody has
 * said that this is known.
 */
export function deployByHand(
  tx: Tx,
  services: Services,
  tenantId: string,
  asked: Pick<DeployAsked, 'releaseId' | 'actor' | 'nowMs'> & { acceptsNoWayBack: boolean },
): { runId: string } {
  const { releaseId, actor, nowMs, acceptsNoWayBack } = asked
  const outlook = lookAtDeploy(tx, services, tenantId, getRelease(tx, releaseId))
  requireClear(outlook, acceptsNoWayBack)
  return deployTenant(tx, services, tenantId, { releaseId, way: outlook.way, actor, nowMs })
}
