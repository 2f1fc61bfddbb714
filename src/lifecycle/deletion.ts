import { and, count, eq, gt, ne } from 'drizzle-orm'
import { broughtBack, deleted, deletionBegun } from '../../views/emails/deletion'
import { type Actor, ATLAS, audit } from '../audit'
import { failBackups, keepLastBackups } from '../backups/backup'
import { copyingEnds } from '../backups/ends'
import type { Reader, Tx } from '../db/open'
import { runs } from '../db/schema'
import { conflict, invalid } from '../errors'
import { removeDns } from '../provisioning/name'
import { PATIENCE } from '../provisioning/patience'
import { deleteServers, deleteVolumes, releaseAddresses } from '../provisioning/release'
import { cancelSubscription } from '../provisioning/subscription'
import type { Recipe, RunFacts } from '../runs/recipe'
import { queueRun } from '../runs/verbs'
import type { Services } from '../services'
import { tellCustomer } from '../tenants/customer-mail'
import { requireTenant } from '../tenants/status'
import { getTenant, moveTenant } from '../tenants/tenant'
import { coolOff, forgetSecrets, stopForGood } from './deletion-steps'
import { finalBackup, finalImage } from './final-backup'

export const COOL_OFF_DAYS = 7
export const COOL_OFF_DAYS_MAX = 90
/** How many deletions may be asked for in an hour before somebody must say that they mean it. */
export const DELETIONS_AN_HOUR_MAX = 5

const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000

export type DeletionAsked = {
  actor: Actor
  nowMs: number
  /** For how many days it can be brought back; 0 deletes as soon as the last copies are made. */
  coolOffDays?: number
  /** Whether an image of its server's disk is made first. */
  withImage?: boolean
  /** That this is meant although many were deleted lately. */
  confirmMany?: boolean
}

/**
 * Begins the deletion of an active or suspended tenant: an image, a cool-off in which it can be brought back, a last
 * backup, then everything goes. Throws `conflict` when it is in another state, something else is being done to it, or too many were
 * deleted lately without `confirmMany`; `invalid` for a cool-off that is no number of days.
 */
export function deleteTenant(
  tx: Tx,
  services: Services,
  tenantId: string,
  { actor, nowMs, coolOffDays = COOL_OFF_DAYS, withImage = true, confirmMany = false }: DeletionAsked,
): { runId: string; deleteAt: number } {
  const tenant = getTenant(tx, tenantId)
  requireTenant(tenant, ['active', 'suspended'], 'deleted')
  checkCoolOff(coolOffDays)
  if (!confirmMany) refuseMany(deletionsLately(tx, nowMs))
  const deleteAt = nowMs + coolOffDays * DAY_MS
  const input = { statusBefore: tenant.status, deleteAt, withImage }
  const runId = queueRun(tx, deleteRecipe(services), tenantId, input, nowMs)
  moveTenant(tx, tenant, 'deleting', nowMs, { deleteAt, statusReason: null })
  const until = coolOffDays > 0 ? deleteAt : null
  const mail = { kind: 'deletion-begun', occasion: runId, write: deletionBegun(until) }
  tellCustomer(tx, services, tenant, mail, nowMs)
  const detail = { run: runId, deleteAt, withImage }
  audit(tx, nowMs, { actor, action: 'tenant.deletion_asked', subject: tenantId, detail })
  return { runId, deleteAt }
}

/** How many deletions were asked for in the last hour and not taken back. */
export function deletionsLately(db: Reader, nowMs: number): number {
  const lately = and(
    eq(runs.kind, 'delete'),
    gt(runs.createdAt, nowMs - HOUR_MS),
    ne(runs.status, 'cancelled'),
  )
  return db.select({ count: count() }).from(runs).where(lately).get()?.count ?? 0
}

/** From a tenant to nothing but its backups, which are kept until their time ends. */
export function deleteRecipe(services: Services): Recipe {
  const ends = copyingEnds(services, { forward: 'deleted', undo: 'brought back' })
  return {
    kind: 'delete',
    title: 'Delete',
    steps: [
      finalImage(services),
      coolOff(),
      stopForGood(services),
      finalBackup(services),
      {
        name: 'remove-dns',
        title: 'Remove the name and wait until it is forgotten',
        patience: PATIENCE.name,
        again: 'Removes the record if it is still there, and waits until caches have forgotten it.',
        run: (context) => removeDns(services, context),
      },
      deleteServers(services),
      releaseAddresses(services),
      deleteVolumes(services),
      cancelSubscription(services),
      forgetSecrets(),
    ],
    pointOfNoReturn: 'stop-app',
    ...ends,
    succeeded: (tx, run, nowMs) => becomeDeleted(tx, services, run, nowMs),
    undone: (tx, run, nowMs) => {
      failBackups(tx, run.id, 'The tenant was brought back.', nowMs)
      becomeAsBefore(tx, services, run, nowMs)
    },
  }
}

function becomeDeleted(tx: Tx, services: Services, run: RunFacts, nowMs: number): void {
  const tenant = getTenant(tx, run.tenantId)
  keepLastBackups(tx, services, tenant, nowMs)
  moveTenant(tx, tenant, 'deleted', nowMs, { deletedAt: nowMs, deleteAt: null, statusReason: null })
  tellCustomer(tx, services, tenant, { kind: 'deleted', occasion: run.id, write: deleted }, nowMs)
  audit(tx, nowMs, { actor: ATLAS, action: 'tenant.deleted', subject: tenant.id, detail: { run: run.id } })
}

function becomeAsBefore(tx: Tx, services: Services, run: RunFacts, nowMs: number): void {
  const tenant = getTenant(tx, run.tenantId)
  const status = run.input.statusBefore === 'suspended' ? 'suspended' : 'active'
  moveTenant(tx, tenant, status, nowMs, { deleteAt: null, statusReason: null })
  tellCustomer(tx, services, tenant, { kind: 'brought-back', occasion: run.id, write: broughtBack }, nowMs)
  const detail = { run: run.id }
  audit(tx, nowMs, { actor: ATLAS, action: 'tenant.brought_back', subject: tenant.id, detail })
}

function checkCoolOff(days: number): void {
  if (Number.isInteger(days) && days >= 0 && days <= COOL_OFF_DAYS_MAX) return
  const words = `Must be a whole number of days from 0 to ${COOL_OFF_DAYS_MAX}.`
  throw invalid('Some fields need another look.', { cool_off_days: words })
}

function refuseMany(lately: number): void {
  if (lately < DELETIONS_AN_HOUR_MAX) return
  throw conflict(
    `${lately} tenants were given to deletion within the last hour. Confirm that you mean another one too.`,
  )
}
