import { Tenant, type TenantData, TenantPage } from '../../views/admin/tenant'
import type { Services } from '../services'
import { approveSignup } from '../signups/approve'
import { tenantStory } from '../tenants/story'
import { urlOf } from '../tenants/tenant'
import { operatorOf } from './admin'
import { redirect } from './answer'
import { type Call, routes } from './route'
import { effectView } from './runs'

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
)

function tenantData({ db, clock, settings }: Services, tenantId: string): TenantData {
  const story = tenantStory(db.read, tenantId)
  const { tenant, plan } = story
  return {
    ...tenant,
    ...story,
    url: urlOf(tenant, settings.tenantDomain),
    plan: {
      name: plan.name,
      price: { amount: plan.amount, currency: plan.currency },
      interval: plan.interval,
    },
    effects: story.effects.map(effectView),
    now: clock.now(),
  }
}
