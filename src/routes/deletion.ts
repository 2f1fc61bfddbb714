import { DeletionPage, type DeletionProps } from '../../views/admin/deletion'
import { ownerEmail } from '../accounts/organization'
import { subscriptionOf } from '../billing/mirror'
import type { Reader } from '../db/open'
import {
  COOL_OFF_DAYS,
  COOL_OFF_DAYS_MAX,
  DELETIONS_AN_HOUR_MAX,
  deleteTenant,
  deletionsLately,
} from '../lifecycle/deletion'
import { withdrawDeletion } from '../lifecycle/withdrawal'
import { requireTenant } from '../tenants/status'
import { dnsRecordOf, getTenant, serversOf, type TenantRow } from '../tenants/tenant'
import { operatorOf } from './admin'
import { json, page } from './answer'
import { readForm } from './request'
import { type Call, routes } from './route'
import { act, actForProgram, ask } from './tenant-verbs'

/** Deletion and the way back. */
export const deletionRoutes = routes(
  {
    method: 'GET',
    path: '/admin/tenants/:id/deletion',
    policy: 'operator',
    handle: (call) => ask(call, () => DeletionPage(deletionProps(call))),
  },
  {
    method: 'POST',
    path: '/admin/tenants/:id/deletion',
    policy: 'operator',
    handle: async (call) => {
      const form = await readForm(call.request)
      return ask(call, () => {
        const props = deletionProps(call, form)
        if (Object.keys(props.errors).length > 0) return page(DeletionPage(props), 422)
        return act(call, (tx, services, id, asked) =>
          deleteTenant(tx, services, id, { ...asked, ...wantedIn(form) }),
        )
      })
    },
  },
  {
    method: 'POST',
    path: '/admin/tenants/:id/deletion-withdrawal',
    policy: 'operator',
    handle: (call) => act(call, withdrawDeletion),
  },
  {
    method: 'DELETE',
    path: '/api/admin/tenant/:id',
    policy: 'operator_api',
    handle: ({ services, params, url, actor }) => {
      const { db, clock } = services
      const query = url.searchParams
      const wanted = {
        coolOffDays: daysIn(query.get('cool_off_days') ?? String(COOL_OFF_DAYS)),
        withImage: query.get('image') !== 'false',
        confirmMany: query.get('confirm_many') === 'true',
      }
      const asked = { actor, nowMs: clock.now(), ...wanted }
      const { runId, deleteAt } = db.write((tx) => deleteTenant(tx, services, params.id ?? '', asked))
      return json({ run_id: runId, delete_at: deleteAt }, 202)
    },
  },
  {
    method: 'POST',
    path: '/api/admin/tenant/:id/undeletion',
    policy: 'operator_api',
    handle: (call) => actForProgram(call, call.params.id ?? '', withdrawDeletion),
  },
)

/** The page's facts; with a form that was sent, also what is wrong with it. */
function deletionProps(call: Call, form?: Record<string, string>): DeletionProps {
  const { db, clock, catalog } = call.services
  const tenant = getTenant(db.read, call.params.id ?? '')
  requireTenant(tenant, ['active', 'suspended'], 'deleted')
  const lately = deletionsLately(db.read, clock.now())
  const isMany = lately >= DELETIONS_AN_HOUR_MAX
  return {
    operator: operatorOf(call),
    tenant: { ...tenant, ownerEmail: ownerEmail(db.read, tenant.organizationId) ?? 'Nobody' },
    losses: lossesOf(db.read, tenant),
    backupDays: catalog.plan(tenant.planId).plan.backups.retentionDays,
    lately: isMany ? lately : null,
    values: {
      days: form?.days ?? String(COOL_OFF_DAYS),
      withImage: form ? form.image === 'yes' : true,
      confirmation: form?.confirmation ?? '',
    },
    errors: form ? wrongIn(form, tenant, isMany) : {},
  }
}

function wantedIn(form: Record<string, string>) {
  return {
    coolOffDays: daysIn(form.days ?? ''),
    withImage: form.image === 'yes',
    confirmMany: form.many === 'yes',
  }
}

/** NaN for what is no whole number: nothing written must not mean no cool-off. */
function daysIn(text: string): number {
  return /^\d{1,3}$/.test(text.trim()) ? Number(text) : Number.NaN
}

function wrongIn(form: Record<string, string>, { subdomain }: TenantRow, isMany: boolean) {
  const isDays = daysIn(form.days ?? '') <= COOL_OFF_DAYS_MAX
  return {
    ...(form.confirmation?.trim() === subdomain
      ? {}
      : { confirmation: `Type ${subdomain} to make sure that this is the one.` }),
    ...(isDays ? {} : { days: `Write a whole number of days from 0 to ${COOL_OFF_DAYS_MAX}.` }),
    ...(isMany && form.many !== 'yes' ? { many: 'Say that you mean another one too.' } : {}),
  }
}

function lossesOf(db: Reader, tenant: TenantRow): string[] {
  const record = dnsRecordOf(db, tenant.id)
  const subscription = subscriptionOf(db, tenant.organizationId)
  return [
    ...serversOf(db, tenant.id).map(
      ({ name, ipv4 }) => `The server ${name}${ipv4 ? ` (${ipv4})` : ''} and everything on it`,
    ),
    ...(record && !record.deletedAt ? [`The name ${record.name}`] : []),
    ...(subscription && subscription.status !== 'canceled'
      ? [`The subscription ${subscription.stripeId}, unless it pays for another tenant too`]
      : []),
    'The secrets that were made for this tenant',
  ]
}
