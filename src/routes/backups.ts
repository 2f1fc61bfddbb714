import { BackupsPage } from '../../views/admin/backups'
import { RestorationPage } from '../../views/admin/restoration'
import { type BackupMethod, type BackupRow, getBackup } from '../backups/backup'
import { BACKUP_SORTS, type BackupFilter, listBackups, NEWEST } from '../backups/list'
import { backUpTenant } from '../backups/recipe'
import { obstacleTo, restoreTenant } from '../backups/restore'
import { conflict, invalid, notFound } from '../errors'
import { requireStartable } from '../releases/no-return'
import { isLive, latestRun } from '../runs/run'
import { requireReady } from '../tenants/readiness'
import { getTenant, serverOf } from '../tenants/tenant'
import { choice, operatorOf, orderOf, searchOf, wanted } from './admin'
import { json, page } from './answer'
import { UNACCEPTED } from './move'
import { flagField, readForm, readJson, requiredField, textField } from './request'
import { type Call, routes } from './route'
import { act, actForProgram, ask, type TenantVerb } from './tenant-verbs'

const METHODS = ['app', 'image'] as const
const STATUSES = ['running', 'complete', 'failed', 'removed'] as const

/** A tenant's backups, and the way back to one of them. */
export const backupRoutes = routes(
  {
    method: 'GET',
    path: '/admin/tenants/:id/backups',
    policy: 'operator',
    handle: (call) => BackupsPage(backupsProps(call)),
  },
  {
    method: 'POST',
    path: '/admin/tenants/:id/backups',
    policy: 'operator',
    handle: async (call) => act(call, backUp(methodIn((await readForm(call.request)).method))),
  },
  {
    method: 'GET',
    path: '/admin/tenants/:id/backups/:backup/restoration',
    policy: 'operator',
    handle: (call) => ask(call, () => RestorationPage(restorationProps(call))),
  },
  {
    method: 'POST',
    path: '/admin/tenants/:id/backups/:backup/restoration',
    policy: 'operator',
    handle: async (call) => {
      const { confirmation = '', accept_unverified: accepted = '' } = await readForm(call.request)
      return ask(call, () => {
        const props = restorationProps(call)
        const { subdomain } = props.tenant
        const isAccepted = accepted === 'yes'
        if (props.backup.adoptedAt !== null && !isAccepted) {
          return page(RestorationPage({ ...props, value: confirmation, unverifiedError: UNACCEPTED }), 422)
        }
        if (confirmation.trim() === subdomain) return act(call, restore(props.backup.id, isAccepted))
        const error = `Type ${subdomain} to make sure that this is the one.`
        return page(RestorationPage({ ...props, value: confirmation, error }), 422)
      })
    },
  },
  {
    method: 'GET',
    path: '/api/admin/tenant/:id/backups',
    policy: 'operator_api',
    handle: (call) => {
      const { db, objects } = call.services
      const { rows, number, size, total } = listBackups(
        db.read,
        { objects },
        call.params.id ?? '',
        backupFilter(call),
        wanted(call),
      )
      return json({ backups: rows.map(backupFacts), page: number, per_page: size, total })
    },
  },
  {
    method: 'POST',
    path: '/api/admin/tenant/:id/backups',
    policy: 'operator_api',
    handle: async ({ services, params, request, actor }) => {
      const { db, clock } = services
      const method = methodIn(request.body ? textField(await readJson(request), 'method') : '')
      const asked = { actor, method, reason: 'by_hand', nowMs: clock.now() } as const
      const { runId, backupId } = db.write((tx) => backUpTenant(tx, services, params.id ?? '', asked))
      return json({ run_id: runId, backup_id: backupId }, 202)
    },
  },
  {
    method: 'POST',
    path: '/api/admin/tenant/:id/restoration',
    policy: 'operator_api',
    handle: async (call) => {
      const body = await readJson(call.request)
      const backupId = requiredField(body, 'backup_id')
      const isAccepted = flagField(body, 'accept_unverified')
      return actForProgram(call, call.params.id ?? '', restore(backupId, isAccepted))
    },
  },
)

const backUp =
  (method: BackupMethod): TenantVerb =>
  (tx, services, tenantId, asked) =>
    backUpTenant(tx, services, tenantId, { ...asked, method, reason: 'by_hand' })

const restore =
  (backupId: string, acceptUnverified: boolean): TenantVerb =>
  (tx, services, tenantId, asked) =>
    restoreTenant(tx, services, tenantId, { ...asked, backupId, acceptUnverified })

/** The app's own backup is what is meant when nothing is said. */
function methodIn(text = ''): BackupMethod {
  if (text === '' || text === 'app') return 'app'
  if (text === 'image') return 'image'
  throw invalid('Some fields need another look.', { method: 'Must be app or image.' })
}

/** The filter of a tenant's backups from a query; what is not known is left out. */
function backupFilter(call: Call): BackupFilter {
  const method = choice(call, 'method', METHODS)
  const status = choice(call, 'status', STATUSES)
  return { q: searchOf(call), method, status, ...orderOf(call, BACKUP_SORTS, NEWEST) }
}

function backupsProps(call: Call) {
  const { db, clock } = call.services
  const tenant = getTenant(db.read, call.params.id ?? '')
  const filter = backupFilter(call)
  const { rows, ...page } = listBackups(db.read, call.services, tenant.id, filter, wanted(call))
  const latest = latestRun(db.read, tenant.id)
  const isBusy = latest !== undefined && isLive(latest)
  return { operator: operatorOf(call), tenant, isBusy, backups: rows, page, filter, now: clock.now() }
}

function restorationProps(call: Call) {
  const { db, clock, catalog } = call.services
  const tenant = getTenant(db.read, call.params.id ?? '')
  const row = getBackup(db.read, call.params.backup ?? '')
  if (row.tenantId !== tenant.id) throw notFound('This tenant has no such backup.')
  requireReady(db.read, tenant, ['active', 'suspended'], 'restored')
  const obstacle = obstacleTo(call.services, row, serverOf(db.read, tenant.id))
  if (obstacle) throw conflict(obstacle)
  requireStartable(db.read, tenant, 'restored with this backup', row)
  const keptDays = catalog.plan(tenant.planId).plan.backups.retentionDays
  const backup = { ...row, obstacle }
  return { operator: operatorOf(call), tenant, backup, keptDays, now: clock.now() }
}

/** A backup as the API tells it. */
function backupFacts(row: BackupRow & { obstacle: string | null }) {
  return {
    id: row.id,
    method: row.method,
    reason: row.reason,
    status: row.status,
    size_bytes: row.sizeBytes,
    sha256: row.sha256,
    release: row.release,
    object_key: row.objectKey,
    error: row.error,
    run_id: row.runId,
    created_at: row.createdAt,
    completed_at: row.completedAt,
    expires_at: row.expiresAt,
    removed_at: row.removedAt,
    adopted_at: row.adoptedAt,
    obstacle: row.obstacle,
  }
}
