import { resumed, suspended } from '../../views/emails/site-news'
import { type Actor, ATLAS, audit } from '../audit'
import { moneyAgainst } from '../billing/unpaid'
import type { Tx } from '../db/open'
import { conflict } from '../errors'
import { checkHealth, deliverSettings, startApp, stop, stopApp } from '../provisioning/app'
import { requireStartable } from '../releases/no-return'
import type { Recipe, RunFacts } from '../runs/recipe'
import { queueRun } from '../runs/verbs'
import type { Services } from '../services'
import { tellCustomer } from '../tenants/customer-mail'
import { commonEnds } from '../tenants/failure'
import { requireReady } from '../tenants/readiness'
import { getTenant, moveTenant, type TenantRow } from '../tenants/tenant'

const MONEY_FIRST = {
  unpaid:
    'It is not paid for, so it would be suspended again at once. Have its invoice paid at Stripe first.',
  canceled:
    'Its subscription has ended, so it would be suspended again at once. Subscribe its customer at Stripe first.',
}

export type SuspensionCause = NonNullable<TenantRow['suspendedFor']>

/**
 * Queues the suspension of an active tenant: its app stops, its name, server and data stay. Throws `conflict` when it
 * is not active or something else is being done to it.
 */
export function suspendTenant(
  tx: Tx,
  services: Services,
  tenantId: string,
  { actor, because, nowMs }: { actor: Actor; because: SuspensionCause; nowMs: number },
): { runId: string } {
  requireReady(tx, getTenant(tx, tenantId), ['active'], 'suspended')
  const runId = queueRun(tx, suspendRecipe(services), tenantId, { because }, nowMs)
  const detail = { run: runId, because }
  audit(tx, nowMs, { actor, action: 'tenant.suspension_asked', subject: tenantId, detail })
  return { runId }
}

/**
 * Queues the way back of a suspended tenant. Throws `conflict` when it is not suspended, something else is being
 * done to it, its release can’t live with its data, or it is not paid for: it would be suspended again within minutes.
 */
export function resumeTenant(
  tx: Tx,
  services: Services,
  tenantId: string,
  { actor, nowMs }: { actor: Actor; nowMs: number },
): { runId: string } {
  const tenant = getTenant(tx, tenantId)
  requireReady(tx, tenant, ['suspended'], 'resumed')
  requireStartable(tx, tenant, 'resumed')
  const because = moneyAgainst(tx, tenant.organizationId, nowMs)
  if (because) throw conflict(`${tenant.subdomain} can’t be resumed. ${MONEY_FIRST[because]}`)
  const runId = queueRun(tx, resumeRecipe(services), tenantId, {}, nowMs)
  audit(tx, nowMs, { actor, action: 'tenant.resumption_asked', subject: tenantId, detail: { run: runId } })
  return { runId }
}

/** From a live tenant to one whose app stands still. */
export function suspendRecipe(services: Services): Recipe {
  return {
    kind: 'suspend',
    title: 'Suspend',
    steps: [stopApp(services)],
    ...commonEnds(services, { forward: 'suspended', undo: 'resumed' }),
    succeeded: (tx, run, nowMs) => becomeSuspended(tx, services, run, nowMs),
  }
}

/** From a suspended tenant to one that answers again; what changed in its settings meanwhile reaches it first. */
export function resumeRecipe(services: Services): Recipe {
  return {
    kind: 'resume',
    title: 'Resume',
    steps: [
      deliverSettings(services),
      { ...startApp(services), undo: (context) => stop(services, context) },
      checkHealth(services),
    ],
    ...commonEnds(services, { forward: 'resumed', undo: 'suspended again' }),
    succeeded: (tx, run, nowMs) => becomeActive(tx, services, run, nowMs),
  }
}

function becomeSuspended(tx: Tx, services: Services, run: RunFacts, nowMs: number): void {
  const tenant = getTenant(tx, run.tenantId)
  const because = run.input.because as SuspensionCause
  const change = { suspendedFor: because, suspendedAt: nowMs, statusReason: null }
  moveTenant(tx, tenant, 'suspended', nowMs, change)
  const mail = { kind: 'suspended', occasion: run.id, write: (site: Site) => suspended({ ...site, because }) }
  tellCustomer(tx, services, tenant, mail, nowMs)
  audit(tx, nowMs, {
    actor: ATLAS,
    action: 'tenant.suspended',
    subject: tenant.id,
    detail: { run: run.id, because },
  })
}

function becomeActive(tx: Tx, services: Services, run: RunFacts, nowMs: number): void {
  const tenant = getTenant(tx, run.tenantId)
  moveTenant(tx, tenant, 'active', nowMs, { suspendedFor: null, suspendedAt: null, statusReason: null })
  tellCustomer(tx, services, tenant, { kind: 'resumed', occasion: run.id, write: resumed }, nowMs)
  audit(tx, nowMs, { actor: ATLAS, action: 'tenant.resumed', subject: tenant.id, detail: { run: run.id } })
}

type Site = Parameters<typeof resumed>[0]
