import { eq, sql } from 'drizzle-orm'
import type { Reader, Tx } from '../db/open'
import { prepared, putting } from '../db/prepared'
import { payments, subscriptions } from '../db/schema'
import { newId } from '../ids'
import type { PaidSubscription, Payment } from '../providers/payments'
import type { Services } from '../services'
import { noteUnpaid } from './unpaid'

export type SubscriptionRow = typeof subscriptions.$inferSelect

const ofOrganization = prepared((db) =>
  db
    .select()
    .from(subscriptions)
    .where(eq(subscriptions.organizationId, sql.placeholder('organizationId')))
    .prepare(),
)

/** An organization's subscription as Atlas knows it. */
export function subscriptionOf(db: Reader, organizationId: string): SubscriptionRow | undefined {
  return ofOrganization(db).get({ organizationId })
}

/**
 * The one of a customer's subscriptions that counts: the newest that lives. One whose first payment never came counts
 * for nothing beside another, and one that somebody made by hand only where none that Atlas sold lives.
 */
export function currentOf(newestFirst: readonly PaidSubscription[]): PaidSubscription | undefined {
  const live = newestFirst.filter((one) => !isEnded(one))
  const begun = live.filter(({ status }) => status !== 'incomplete')
  return begun.find(({ signupId }) => signupId !== null) ?? begun[0] ?? live[0] ?? newestFirst[0]
}

/** Whether it will bring nothing any more. */
export function isEnded({ status }: { status: string }): boolean {
  return status === 'canceled' || status === 'incomplete_expired'
}

/** Whether a row says what Stripe says. */
export function isMirrored(row: SubscriptionRow, subscription: PaidSubscription): boolean {
  const mirror = mirrorOf(subscription)
  return Object.entries(mirror).every(([name, value]) => row[name as keyof typeof mirror] === value)
}

function mirrorOf(subscription: PaidSubscription) {
  const { id: stripeId, status, priceId, currentPeriodEnd, cancelAtPeriodEnd } = subscription
  const { amount, currency, interval, unpaidSince, canceledAt } = subscription
  return {
    stripeId,
    status,
    priceId,
    currentPeriodEnd,
    cancelAtPeriodEnd,
    amount,
    currency,
    interval,
    unpaidSince,
    canceledAt,
  }
}

const putSubscription = putting(subscriptions, 'organizationId', ['id', 'createdAt'])
const putPayment = putting(payments, 'stripeInvoiceId', ['id', 'organizationId', 'createdAt'])

/** Makes an organization's subscription equal to Stripe's; `soldPlanId` is its plan unless its price says another. */
export function mirrorSubscription(
  tx: Tx,
  services: Services,
  organizationId: string,
  subscription: PaidSubscription,
  soldPlanId: string,
  nowMs: number,
): void {
  const before = subscriptionOf(tx, organizationId)
  const priced = services.catalog.offers.find(({ priceId }) => priceId === subscription.priceId)
  const mirror = {
    ...mirrorOf(subscription),
    planId: priced?.id ?? before?.planId ?? soldPlanId,
    updatedAt: nowMs,
  }
  putSubscription(tx, { id: newId('sub', nowMs), organizationId, createdAt: nowMs, ...mirror })
  noteUnpaid(tx, services, organizationId, before, subscription, nowMs)
}

/** Makes the row of an invoice equal to Stripe's. */
export function mirrorPayment(tx: Tx, organizationId: string, payment: Payment, nowMs: number): void {
  const { amount, currency, status, paidAt } = payment
  const identity = { id: newId('pay', nowMs), organizationId, stripeInvoiceId: payment.invoiceId }
  putPayment(tx, { ...identity, createdAt: nowMs, amount, currency, status, paidAt })
}
