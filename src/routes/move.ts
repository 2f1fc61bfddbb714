import { MovePage, type MoveProps } from '../../views/admin/move'
import { relativeTime } from '../../views/components/time'
import { requireAccepted } from '../backups/adopt'
import { type BackupRow, getBackup } from '../backups/backup'
import { getPlan } from '../catalog/plans'
import { type AtlasError, conflict, notFound } from '../errors'
import { moveMinutes } from '../lifecycle/downtime'
import { moveToNewServer } from '../lifecycle/move'
import { lookAtMove } from '../lifecycle/move-outlook'
import { otherPlans, type PriceChange } from '../lifecycle/plan-choice'
import { requireStartable } from '../releases/no-return'
import type { Services } from '../services'
import { requireReady } from '../tenants/readiness'
import { getTenant, serverOf, type TenantRow } from '../tenants/tenant'
import { operatorOf } from './admin'
import { json, page } from './answer'
import { flagField, readForm, readJson, textField } from './request'
import { type Call, routes } from './route'
import { act, ask } from './tenant-verbs'

/** The move to a new server. */
export const moveRoutes = routes(
  {
    method: 'GET',
    path: '/admin/tenants/:id/move',
    policy: 'operator',
    handle: (call) =>
      ask(call, async () => {
        const { searchParams } = call.url
        const chosen = { backup: searchParams.get('backup') ?? '', plan: searchParams.get('plan') ?? '' }
        return MovePage(await moveProps(call, chosen))
      }),
  },
  {
    method: 'POST',
    path: '/admin/tenants/:id/move',
    policy: 'operator',
    handle: async (call) => {
      const sent = await readForm(call.request)
      const { confirmation = '', backup = '', plan = '', accept_older_backup: accepted } = sent
      return ask(call, async () => {
        const { change, ...props } = await moveProps(call, { backup, plan })
        const { subdomain } = props.tenant
        if (confirmation.trim() !== subdomain) {
          const error = `Type ${subdomain} to make sure that this is the one.`
          return page(MovePage({ ...props, value: confirmation, error }), 422)
        }
        const acceptOlderBackup = accepted === 'true'
        if (!props.answers && !backup && !acceptOlderBackup) {
          return page(MovePage({ ...props, error: 'The old server has stopped answering. Look again.' }), 409)
        }
        const acceptUnverified = sent.accept_unverified === 'yes'
        if (props.isUnverified && !acceptUnverified) {
          return page(MovePage({ ...props, value: confirmation, unverifiedError: UNACCEPTED }), 422)
        }
        const choice = { backupId: backup || undefined, acceptOlderBackup, acceptUnverified, plan: change }
        return act(call, (tx, services, id, asked) =>
          moveToNewServer(tx, services, id, { ...asked, ...choice }),
        )
      })
    },
  },
  {
    method: 'POST',
    path: '/api/admin/tenant/:id/move',
    policy: 'operator_api',
    handle: async ({ services, params, request, actor }) => {
      const { db, clock } = services
      const id = params.id ?? ''
      const body = request.body ? await readJson(request) : {}
      const backupId = textField(body, 'backup_id') || undefined
      const acceptOlderBackup = flagField(body, 'accept_older_backup')
      const acceptUnverified = flagField(body, 'accept_unverified')
      const { answers, latest, plan } = await lookAtMove(services, id, textField(body, 'plan') || undefined)
      if (!answers && !backupId && !acceptOlderBackup) throw onlyBackup(latest, clock.now())
      if (!answers && !backupId && latest) requireAccepted(latest, acceptUnverified)
      const asked = { actor, nowMs: clock.now(), backupId, acceptOlderBackup, acceptUnverified, plan }
      const { runId } = db.write((tx) => moveToNewServer(tx, services, id, asked))
      const told = { answers, latest_backup_at: latest?.createdAt ?? null }
      return json({ run_id: runId, downtime_minutes: moveMinutes(db.read), ...told }, 202)
    },
  },
)

/** What is said to whoever has not accepted an unverified backup. */
export const UNACCEPTED = 'Say that you take it all the same, or choose another backup.'

function onlyBackup(latest: BackupRow | null, nowMs: number): AtlasError {
  const age = latest ? relativeTime(latest.createdAt, nowMs) : 'never'
  return conflict(
    `The old server does not answer, and its latest backup was made ${age}. Accept the older backup to move without what was changed since.`,
  )
}

/** The page's facts, with the backup and the plan that were chosen to move with; and what changes at Stripe. */
async function moveProps(
  call: Call,
  chosen: { backup: string; plan: string },
): Promise<MoveProps & { change: PriceChange | null }> {
  const { services, params } = call
  const { read } = services.db
  const tenant = getTenant(read, params.id ?? '')
  requireReady(read, tenant, ['active', 'suspended'], 'moved')
  const { answers, latest, plan, ...to } = await lookAtMove(services, tenant.id, chosen.plan || undefined)
  const backup = chosen.backup ? getBackup(read, chosen.backup) : latest
  if (backup && backup.tenantId !== tenant.id) throw notFound('This tenant has no such backup.')
  requireStartable(read, tenant, 'moved', chosen.backup || !answers ? (backup ?? undefined) : undefined)
  const { id, name, amount, currency, interval } = getPlan(read, plan?.planId ?? tenant.planId)
  return {
    operator: operatorOf(call),
    tenant,
    from: serverOf(read, tenant.id),
    to,
    plan: { id, name, price: { amount, currency }, interval },
    isOtherPlan: plan !== null,
    others: tenant.status === 'active' ? plansBeside(services, tenant, plan?.planId) : [],
    change: plan,
    answers,
    backup,
    isChosen: chosen.backup !== '',
    isUnverified: (chosen.backup !== '' || !answers) && backup?.adoptedAt != null,
    minutes: moveMinutes(read),
    now: services.clock.now(),
  }
}

/** The plans that could be had instead of the one that is chosen; that of the tenant itself has no id here. */
function plansBeside(services: Services, tenant: TenantRow, chosen: string | undefined) {
  const own = { id: '', name: getPlan(services.db.read, tenant.planId).name }
  const others = otherPlans(services, tenant).map(({ id, plan }) => ({ id, name: plan.name }))
  return chosen ? [own, ...others].filter(({ id }) => id !== chosen) : others
}
