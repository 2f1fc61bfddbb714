import { Tenant, type TenantData, TenantPage } from '../../views/admin/tenant'
import { backupsOf } from '../backups/list'
import { debtOf, moneyAgainst } from '../billing/unpaid'
import type { Reader } from '../db/open'
import { healthOf } from '../health/report'
import { approveSignup } from '../lifecycle/approve'
import { remediesFor } from '../lifecycle/mend'
import { noReturnFor, noReturnInWords } from '../releases/no-return'
import { getRelease } from '../releases/release'
import { latestTarget } from '../rollouts/target-report'
import type { Services } from '../services'
import type { ListedTenant } from '../tenants/list'
import { tenantStory } from '../tenants/story'
import { tagsOf } from '../tenants/tags'
import { type TenantRow, urlOf } from '../tenants/tenant'
import { operatorOf } from './admin'
import { json, redirect } from './answer'
import { type Call, routes } from './route'
import { runFacts } from './runs'
import { latestEntries } from './timeline'

/** One tenant's page, and the approval that makes one. */
export const tenantRoutes = routes(
  {
    method: 'POST',
    path: '/admin/signups/:id/approval',
    policy: 'operator',
    handle: ({ services, params, actor }: Call) => {
      const { db, clock } = services
      const { runId } = db.write((tx) => approveSignup(tx, services, params.id ?? '', actor, clock.now()))
      return redirect(`/admin/runs/${runId}`)
    },
  },
  {
    method: 'GET',
    path: '/admin/tenants/:id',
    policy: 'operator',
    handle: (call) => {
      const tenant = tenantData(call.services, call.params.id ?? '')
      return TenantPage({
        operator: operatorOf(call),
        eventsUrl: `/admin/tenants/${tenant.id}/events`,
        ...tenant,
      })
    },
  },
  {
    method: 'GET',
    path: '/admin/tenants/:id/events',
    policy: 'operator',
    handle: (call) => {
      const { id } = tenantData(call.services, call.params.id ?? '')
      return call.live.open(call, () => Tenant(tenantData(call.services, id)))
    },
  },
  {
    method: 'GET',
    path: '/api/admin/tenant/:id',
    policy: 'operator_api',
    handle: ({ services, params }) => json(tenantAnswer(services, params.id ?? '')),
  },
)

/** What the API tells of a tenant in a list and alone. */
export function tenantFacts(
  { settings }: Services,
  tenant: Pick<
    ListedTenant,
    'id' | 'subdomain' | 'status' | 'planName' | 'release' | 'ownerEmail' | 'createdAt'
  >,
) {
  return {
    id: tenant.id,
    subdomain: tenant.subdomain,
    url: urlOf(tenant, settings.tenantDomain),
    status: tenant.status,
    plan: tenant.planName,
    release: tenant.release,
    owner_email: tenant.ownerEmail,
    created_at: tenant.createdAt,
  }
}

function tenantAnswer(services: Services, tenantId: string) {
  const { tenant, plan, ownerEmail, server, run } = tenantStory(services.db.read, tenantId)
  return {
    ...tenantFacts(services, { ...tenant, planName: plan.name, ownerEmail }),
    plan_id: tenant.planId,
    status_reason: tenant.statusReason,
    start_obstacle: noReturnOf(services.db.read, tenant)?.words ?? null,
    release_since: tenant.releaseSince,
    wanted_release: wantedRelease(services.db.read, tenant)?.tag ?? null,
    tags: tagsOf(services.db.read, tenantId),
    suspended_for: tenant.suspendedFor,
    suspended_at: tenant.suspendedAt,
    delete_at: tenant.deleteAt,
    server: server && {
      name: server.name,
      external_id: server.externalId,
      server_type: server.serverType,
      location: server.location,
      ipv4: server.ipv4,
      ipv6: server.ipv6,
    },
    run: run && runFacts(run),
  }
}

/** What a tenant's page shows. Throws `not_found`. */
export function tenantData(services: Services, tenantId: string): TenantData {
  const { db, clock, settings } = services
  const story = tenantStory(db.read, tenantId)
  const { tenant, plan, run } = story
  return {
    ...tenant,
    ...story,
    run: run && { ...run, ...remediesFor(db.read, services, run) },
    url: urlOf(tenant, settings.tenantDomain),
    plan: {
      name: plan.name,
      price: { amount: plan.amount, currency: plan.currency },
      interval: plan.interval,
    },
    wanted: wantedRelease(db.read, tenant),
    tags: tagsOf(db.read, tenantId),
    timeline: latestEntries(db.read, tenantId),
    backups: backupsOf(services, tenantId),
    debt: debtOf(db.read, tenant.organizationId),
    heldBy: moneyAgainst(db.read, tenant.organizationId, clock.now()),
    noReturn: noReturnOf(db.read, tenant),
    health: healthNow(services, tenant),
    now: clock.now(),
  }
}

function noReturnOf(db: Reader, tenant: TenantRow): TenantData['noReturn'] {
  const found = noReturnFor(db, tenant)
  return found && { words: noReturnInWords(tenant, found), backupId: found.backup?.id ?? null }
}

/** What the last check found says nothing of an app that was stopped since. */
function healthNow({ db, clock }: Services, { id, status }: TenantRow): TenantData['health'] {
  const health = healthOf(db.read, id, clock.now())
  return status === 'suspended' ? { ...health, check: null } : health
}

/** The release that a tenant should run and does not. */
function wantedRelease(db: Reader, { id, releaseId, wantedReleaseId }: TenantRow): TenantData['wanted'] {
  if (wantedReleaseId === null || wantedReleaseId === releaseId) return null
  const target = latestTarget(db, id)
  return {
    tag: getRelease(db, wantedReleaseId).tag,
    rolloutId: target?.rolloutId ?? null,
    reason: target?.reason ?? null,
  }
}
