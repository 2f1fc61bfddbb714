import { PlanChangePage, type PlanOption } from '../../views/admin/plan-change'
import { ownerEmail } from '../accounts/organization'
import { getPlan } from '../catalog/plans'
import { asAtlasError } from '../errors'
import { downtimeMinutes } from '../lifecycle/downtime'
import { changePlan } from '../lifecycle/plan-change'
import { choosePlan, otherPlans } from '../lifecycle/plan-choice'
import { requireStartable } from '../releases/no-return'
import type { Services } from '../services'
import { requireReady } from '../tenants/readiness'
import { getTenant, serverOf } from '../tenants/tenant'
import { operatorOf } from './admin'
import { json, page } from './answer'
import { readForm, readJson, requiredField } from './request'
import { type Call, routes } from './route'
import { act, ask } from './tenant-verbs'

/** The change of a tenant's plan. */
export const planChangeRoutes = routes(
  {
    method: 'GET',
    path: '/admin/tenants/:id/plan',
    policy: 'operator',
    handle: (call) => ask(call, async () => PlanChangePage(await planChangeProps(call))),
  },
  {
    method: 'POST',
    path: '/admin/tenants/:id/plan',
    policy: 'operator',
    handle: async (call) => {
      const { plan = '' } = await readForm(call.request)
      try {
        const change = await choosePlan(call.services, call.params.id ?? '', plan)
        return act(call, (tx, services, id, asked) => changePlan(tx, services, id, { ...asked, change }))
      } catch (thrown) {
        const { code, message } = asAtlasError(thrown)
        if (code !== 'conflict' && code !== 'unavailable') throw thrown
        return ask(call, async () => {
          const props = await planChangeProps(call)
          return page(PlanChangePage({ ...props, value: plan, error: message }), 409)
        })
      }
    },
  },
  {
    method: 'POST',
    path: '/api/admin/tenant/:id/plan',
    policy: 'operator_api',
    handle: async ({ services, params, request, actor }) => {
      const { db, clock } = services
      const id = params.id ?? ''
      const change = await choosePlan(services, id, requiredField(await readJson(request), 'plan'))
      const asked = { actor, nowMs: clock.now(), change }
      const { runId, minutes } = db.write((tx) => changePlan(tx, services, id, asked))
      return json({ run_id: runId, downtime_minutes: minutes }, 202)
    },
  },
)

async function planChangeProps(call: Call) {
  const { services, params } = call
  const { read } = services.db
  const tenant = getTenant(read, params.id ?? '')
  requireReady(read, tenant, ['active'], 'given another plan')
  requireStartable(read, tenant, 'given another plan')
  return {
    operator: operatorOf(call),
    tenant: {
      ...tenant,
      ownerEmail: ownerEmail(read, tenant.organizationId) ?? 'Nobody',
      planName: getPlan(read, tenant.planId).name,
      serverType: serverOf(read, tenant.id).serverType,
    },
    options: await Promise.all(
      otherPlans(services, tenant).map((entry) => planOption(services, tenant.id, entry)),
    ),
  }
}

async function planOption(
  services: Services,
  tenantId: string,
  { id, plan }: ReturnType<typeof otherPlans>[number],
): Promise<PlanOption> {
  const { amount, currency, interval } = plan.price
  const option = { id, name: plan.name, price: { amount, currency }, interval }
  try {
    const change = await choosePlan(services, tenantId, id)
    const { serverType, formerType } = change
    const minutes = downtimeMinutes(services.db.read, change)
    return { ...option, obstacle: null, serverType, isOtherType: serverType !== formerType, minutes }
  } catch (thrown) {
    const { code, message } = asAtlasError(thrown)
    if (code === 'internal') throw thrown
    return { ...option, obstacle: message, serverType: '', isOtherType: false, minutes: 0 }
  }
}
