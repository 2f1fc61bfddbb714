import { operatorNotice } from '../../views/emails/operator-notice'
import { type Actor, ATLAS, audit } from '../audit'
import { getPlan, type PlanRow } from '../catalog/plans'
import type { Tx } from '../db/open'
import { conflict } from '../errors'
import { provisionRecipe } from '../provisioning/recipe'
import { queueMail } from '../runs/outbox'
import { queueRun } from '../runs/verbs'
import type { Services } from '../services'
import { getSignup, moveSignup, requireStatus, type SignupRow } from '../signups/signup'
import { createTenant } from './new-tenant'

/**
 * Approves a paid signup: its tenant, its server's plan, its provisioning run and the audit event come to be
 * together. Throws `conflict` when it is not waiting for approval.
 */
export function approveSignup(
  tx: Tx,
  services: Services,
  signupId: string,
  actor: Actor,
  nowMs: number,
): { tenantId: string; runId: string } {
  const signup = getSignup(tx, signupId)
  requireStatus(signup, 'paid', 'Only a paid signup that waits for approval can be approved.')
  const { organizationId } = signup
  if (!organizationId) throw conflict('This signup has no organization yet.')
  moveSignup(tx, signup, 'provisioning', nowMs, { approvedAt: nowMs, approvedBy: actor.id })
  const plan = getPlan(tx, signup.planId)
  const tenant = createTenant(tx, services, { ...signup, organizationId }, plan, nowMs)
  const runId = queueRun(tx, provisionRecipe(services), tenant.id, {}, nowMs)
  audit(tx, nowMs, { actor, action: 'signup.approved', subject: signup.id, detail: { tenant: tenant.id } })
  return { tenantId: tenant.id, runId }
}

/** What becomes of a signup that was just paid: approved at once when its plan says so, or the operator is asked. */
export function welcomePaidSignup(tx: Tx, services: Services, signupId: string, nowMs: number): void {
  const signup = getSignup(tx, signupId)
  const plan = getPlan(tx, signup.planId)
  if (plan.approval === 'automatic') approveSignup(tx, services, signupId, ATLAS, nowMs)
  else askOperator(tx, services, signup, plan, nowMs)
}

function askOperator(
  tx: Tx,
  { settings, catalog }: Services,
  signup: SignupRow,
  plan: PlanRow,
  nowMs: number,
): void {
  const mail = operatorNotice({
    title: `${signup.subdomain} is paid and waits for approval`,
    message: `${signup.email} bought ${plan.name}. Their server is created when you approve.`,
    actionLabel: 'Look at the signup',
    actionUrl: `${settings.baseUrl}/admin/signups?status=paid`,
    accent: catalog.front.shop.accent,
  })
  const outgoing = {
    kind: 'approval-notice',
    subject: signup.id,
    idempotencyKey: `approval-${signup.id}`,
    mail: { from: settings.emailFrom, to: settings.adminEmail, ...mail },
  }
  queueMail(tx, settings.encryptionKey, outgoing, nowMs)
}
