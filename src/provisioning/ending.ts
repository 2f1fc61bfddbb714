import { eq } from 'drizzle-orm'
import { welcome } from '../../views/emails/welcome'
import { ownerEmail } from '../accounts/organization'
import { ATLAS, audit } from '../audit'
import { getPlan } from '../catalog/plans'
import type { Tx } from '../db/open'
import { tenants } from '../db/schema'
import type { AtlasError } from '../errors'
import { queueMail } from '../runs/outbox'
import type { RunFacts } from '../runs/recipe'
import type { Services } from '../services'
import { getSignup, moveSignup } from '../signups/signup'
import { tellFailure } from '../tenants/failure'
import { getTenant, moveTenant, type TenantRow, urlOf } from '../tenants/tenant'

/** The tenant is live: it and its signup become active, and the welcome mail is queued, together. */
export function goLive(tx: Tx, services: Services, run: RunFacts, nowMs: number): void {
  const tenant = getTenant(tx, run.tenantId)
  moveTenant(tx, tenant, 'active', nowMs, { activatedAt: nowMs, releaseSince: nowMs, statusReason: null })
  if (tenant.signupId) moveSignup(tx, getSignup(tx, tenant.signupId), 'active', nowMs)
  queueWelcome(tx, services, tenant, nowMs)
  audit(tx, nowMs, { actor: ATLAS, action: 'tenant.activated', subject: tenant.id, detail: { run: run.id } })
}

/** The run stopped: tenant and signup say so with the reason, and the operator gets one mail a failure. */
export function fail(tx: Tx, services: Services, run: RunFacts, error: AtlasError, nowMs: number): void {
  const tenant = getTenant(tx, run.tenantId)
  if (run.direction === 'undo') {
    tx.update(tenants)
      .set({ statusReason: error.message, updatedAt: nowMs })
      .where(eq(tenants.id, tenant.id))
      .run()
  } else {
    moveTenant(tx, tenant, 'failed', nowMs, { statusReason: error.message })
    if (tenant.signupId) moveSignup(tx, getSignup(tx, tenant.signupId), 'failed', nowMs)
  }
  tellFailure(tx, services, run, error, { forward: 'provisioned', undo: 'undone' }, nowMs)
}

/** Everything is taken down: the tenant is deleted, and its signup waits for approval again. */
export function takeBack(tx: Tx, run: RunFacts, nowMs: number): void {
  const tenant = getTenant(tx, run.tenantId)
  moveTenant(tx, tenant, 'deleted', nowMs, { deletedAt: nowMs, statusReason: null })
  if (tenant.signupId) {
    const change = { approvedAt: null, approvedBy: null }
    moveSignup(tx, getSignup(tx, tenant.signupId), 'paid', nowMs, change)
  }
  audit(tx, nowMs, { actor: ATLAS, action: 'tenant.undone', subject: tenant.id, detail: { run: run.id } })
}

/** A failed run is at work again: tenant and signup are being provisioned as before. */
export function tryAgain(tx: Tx, run: RunFacts, nowMs: number): void {
  const tenant = getTenant(tx, run.tenantId)
  // A run that nobody had a recipe for failed without telling its tenant.
  if (run.direction === 'undo' || tenant.status !== 'failed') return
  moveTenant(tx, tenant, 'provisioning', nowMs, { statusReason: null })
  if (tenant.signupId) moveSignup(tx, getSignup(tx, tenant.signupId), 'provisioning', nowMs)
}

/** Everything is being taken down again. */
export function turnBack(tx: Tx, run: RunFacts, nowMs: number): void {
  const tenant = getTenant(tx, run.tenantId)
  moveTenant(tx, tenant, 'deleting', nowMs, { statusReason: null })
  const signup = tenant.signupId ? getSignup(tx, tenant.signupId) : null
  if (signup?.status === 'provisioning') moveSignup(tx, signup, 'failed', nowMs)
}

function queueWelcome(tx: Tx, services: Services, tenant: TenantRow, nowMs: number): void {
  const { settings, catalog } = services
  const to = ownerEmail(tx, tenant.organizationId)
  if (!to) return
  const { shop } = catalog.blueprint(tenant.blueprint)
  const mail = welcome({
    shopName: shop.name,
    accent: shop.accent,
    siteUrl: urlOf(tenant, settings.tenantDomain),
    planName: getPlan(tx, tenant.planId).name,
    supportEmail: shop.supportEmail ?? settings.adminEmail,
  })
  const outgoing = {
    kind: 'welcome',
    subject: tenant.id,
    idempotencyKey: `welcome-${tenant.id}`,
    mail: { from: settings.emailFrom, to, ...mail },
  }
  queueMail(tx, settings.encryptionKey, outgoing, nowMs)
}
