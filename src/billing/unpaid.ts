import { and, asc, eq, ne } from 'drizzle-orm'
import { unpaidNotice } from '../../views/emails/unpaid-notice'
import { ownerEmail } from '../accounts/organization'
import { ATLAS, audit } from '../audit'
import type { Reader, Tx } from '../db/open'
import { organizations, subscriptions, tenants } from '../db/schema'
import type { PaidSubscription } from '../providers/payments'
import { queueMail } from '../runs/outbox'
import type { Services } from '../services'
import { graceEndsAt, isOverdue, type Owing, wantedStanding } from './standing'

/** What an organization owes: since when, and when what it has is suspended for it; null when it owes nothing. */
export function debtOf(
  db: Reader,
  organizationId: string,
): { unpaidSince: number; suspendsAt: number } | null {
  const mine = eq(subscriptions.organizationId, organizationId)
  const row = db.select().from(subscriptions).where(mine).get()
  const suspendsAt = row ? graceEndsAt(row) : null
  return row?.unpaidSince && suspendsAt ? { unpaidSince: row.unpaidSince, suspendsAt } : null
}

/** Why money wants what an organization has to stand still now; null when it does not. */
export function moneyAgainst(
  db: Reader,
  organizationId: string,
  nowMs: number,
): 'unpaid' | 'canceled' | null {
  const mine = eq(subscriptions.organizationId, organizationId)
  const row = db.select().from(subscriptions).where(mine).get()
  const wanted = row && wantedStanding(row, nowMs)
  return wanted?.standing === 'suspended' ? wanted.because : null
}

/** Notes that a subscription begins to owe, and tells the operator once; or that it owes no more. */
export function noteUnpaid(
  tx: Tx,
  services: Services,
  organizationId: string,
  before: Owing | undefined,
  now: PaidSubscription,
  nowMs: number,
): void {
  const was = before !== undefined && isOverdue(before)
  if (isOverdue(now) && !was) {
    const { amount, currency, unpaidSince } = now
    const detail = { amount, currency, unpaidSince }
    audit(tx, nowMs, { actor: ATLAS, action: 'payment.failed', subject: organizationId, detail })
    tellOperator(tx, services, organizationId, now, nowMs)
  }
  if (was && (now.status === 'active' || now.status === 'trialing')) {
    const detail = { unpaidSince: before.unpaidSince }
    audit(tx, nowMs, { actor: ATLAS, action: 'payment.recovered', subject: organizationId, detail })
  }
}

function tellOperator(
  tx: Tx,
  { settings, catalog }: Services,
  organizationId: string,
  subscription: PaidSubscription,
  nowMs: number,
): void {
  const { name } = tx.select().from(organizations).where(eq(organizations.id, organizationId)).get() ?? {
    name: 'A customer',
  }
  const theirs = and(eq(tenants.organizationId, organizationId), ne(tenants.status, 'deleted'))
  const tenant = tx.select().from(tenants).where(theirs).orderBy(asc(tenants.createdAt)).limit(1).get()
  const mail = unpaidNotice({
    name,
    customerEmail: ownerEmail(tx, organizationId),
    price: { amount: subscription.amount, currency: subscription.currency },
    suspendsAt: graceEndsAt(subscription) ?? nowMs,
    url: `${settings.baseUrl}/admin/tenants${tenant ? `/${tenant.id}` : ''}`,
    accent: catalog.front.shop.accent,
  })
  const outgoing = {
    kind: 'unpaid-notice',
    subject: organizationId,
    // The moment names the spell: one mail for it, however often it is noticed.
    idempotencyKey: `unpaid-${subscription.id}-${subscription.unpaidSince}`,
    mail: { from: settings.emailFrom, to: settings.adminEmail, ...mail },
  }
  queueMail(tx, settings.encryptionKey, outgoing, nowMs)
}
