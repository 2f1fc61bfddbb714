import { eq } from 'drizzle-orm'
import { type Actor, audit } from '../audit'
import { inTurn } from '../billing/in-turn'
import type { Reader } from '../db/open'
import { findings } from '../db/schema'
import { asAtlasError, conflict } from '../errors'
import { isLive, latestRun } from '../runs/run'
import type { Services } from '../services'
import { isHalfWay } from '../tenants/readiness'
import { type FindingRow, getFinding, mayApplyAt, readFinding, resolve } from './findings'
import { deleteImage, deleteVolume, releaseAddress } from './remedies/goods'
import { askAgain, cancelSubscription, takePayment } from './remedies/money'
import { deleteRecord, restoreRecord } from './remedies/records'
import type { Remedy } from './remedies/remedying'
import { adoptServer, backupsOff, backupsOn, deleteServer, mirrorServer, powerOn } from './remedies/servers'
import { adoptStored, deleteStored } from './remedies/stored'
import type { RemedyName } from './remedy'

const REMEDIES: Record<RemedyName, Remedy> = {
  restore_record: restoreRecord,
  delete_record: deleteRecord,
  adopt_server: adoptServer,
  adopt_backup: adoptStored,
  note_server: mirrorServer,
  power_on: powerOn,
  delete_server: deleteServer,
  backups_on: backupsOn,
  backups_off: backupsOff,
  release_address: releaseAddress,
  delete_image: deleteImage,
  delete_volume: deleteVolume,
  delete_backup: deleteStored,
  cancel_subscription: cancelSubscription,
  sync_money: askAgain,
  sync_checkout: takePayment,
}

/**
 * Does what a finding calls for, after one more look at the thing itself. Throws `conflict` when it is not open, not
 * confirmed, for a person to do, in change or no longer as it was found; the reason stays with the finding.
 */
export function applyFinding(services: Services, findingId: string, actor: Actor): Promise<void> {
  const { db } = services
  return inTurn(db, findingId, async () => {
    const finding = getFinding(db.read, findingId)
    requireApplicable(db.read, finding)
    try {
      await applyNow(services, finding, actor)
    } catch (thrown) {
      const error = asAtlasError(thrown)
      db.write((tx) =>
        tx.update(findings).set({ error: error.message }).where(eq(findings.id, findingId)).run(),
      )
      throw error
    }
  })
}

async function applyNow(services: Services, finding: FindingRow, actor: Actor): Promise<void> {
  const { db, clock } = services
  const { facts, remedy, kind } = readFinding(finding)
  if (!remedy) throw conflict('Atlas can do nothing about this by itself.')
  const consequence = await REMEDIES[remedy]({ services, finding, facts })
  db.write((tx) => {
    const nowMs = clock.now()
    consequence(tx, nowMs)
    resolve(tx, finding.id, actor.id, nowMs)
    const { tenantId, externalId } = finding
    const detail = { finding: finding.id, kind, remedy, tenant: tenantId, external: externalId }
    audit(tx, nowMs, { actor, action: 'finding.applied', subject: tenantId ?? finding.id, detail })
  })
}

function requireApplicable(db: Reader, finding: FindingRow): void {
  if (finding.status !== 'open') throw conflict(`This finding is ${finding.status}: there is nothing to do.`)
  const when = mayApplyAt(finding)
  if (when === null) throw conflict('Atlas can do nothing about this by itself.')
  if (when !== 'now') {
    throw conflict(
      'This deletes something, so it must be seen twice, at least 50 minutes apart. The next hourly look counts.',
    )
  }
  if (isInChange(db, finding.tenantId)) {
    throw conflict(
      'A run is at work on this tenant, or has stopped half-way. Wait until it has finished, or retry or undo it; then look again.',
    )
  }
}

function isInChange(db: Reader, tenantId: string | null): boolean {
  if (tenantId === null) return false
  const run = latestRun(db, tenantId)
  return run !== undefined && (isLive(run) || isHalfWay(run))
}
