import { TenantPage } from '../../views/admin/tenant'
import type { Actor } from '../audit'
import type { Tx } from '../db/open'
import { AtlasError } from '../errors'
import type { Services } from '../services'
import { operatorOf } from './admin'
import { json, page, redirect } from './answer'
import type { Answer, Call } from './route'
import { tenantData } from './tenants'

/** A verb of a tenant's life: it queues a run in one transaction. */
export type TenantVerb = (
  tx: Tx,
  services: Services,
  tenantId: string,
  asked: { actor: Actor; nowMs: number },
) => { runId: string }

/**
 * Does a verb for a page: on to the run's page, or back to the tenant's with the reason when the tenant's state does
 * not allow it, as when another operator was faster.
 */
export function act(call: Call, verb: TenantVerb): Response {
  const tenantId = call.params.id ?? ''
  try {
    return redirect(`/admin/runs/${queue(call, tenantId, verb)}`)
  } catch (thrown) {
    return refusedPage(call, refusalIn(thrown))
  }
}

/** The page that asks before a verb, or the tenant's with the reason when its state does not allow it. */
export async function ask(call: Call, draw: () => Answer | Promise<Answer>): Promise<Answer> {
  try {
    return await draw()
  } catch (thrown) {
    return refusedPage(call, refusalIn(thrown))
  }
}

/** Does a verb for a program: 202 with the run. */
export function actForProgram(call: Call, tenantId: string, verb: TenantVerb): Response {
  return json({ run_id: queue(call, tenantId, verb) }, 202)
}

/** The tenant's page with the reason why something can't be done. */
function refusedPage(call: Call, problem: string): Response {
  const tenant = tenantData(call.services, call.params.id ?? '')
  const eventsUrl = `/admin/tenants/${tenant.id}/events`
  return page(TenantPage({ operator: operatorOf(call), eventsUrl, problem, ...tenant }), 409)
}

function refusalIn(thrown: unknown): string {
  if (!(thrown instanceof AtlasError) || thrown.code !== 'conflict') throw thrown
  return thrown.message
}

function queue({ services, actor }: Call, tenantId: string, verb: TenantVerb): string {
  const { db, clock } = services
  return db.write((tx) => verb(tx, services, tenantId, { actor, nowMs: clock.now() })).runId
}
