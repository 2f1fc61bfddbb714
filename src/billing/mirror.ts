import { eq } from 'drizzle-orm'
import type { Reader, Tx } from '../db/open'
import { payments, subscriptions } from '../db/schema'
import { newId } from '../ids'
import type { PaidSubscription, Payment } from '../providers/payments'
import type { Services } from '../services'
import { noteUnpaid } from './unpaid'

export type SubscriptionRow = typeof subscriptions.$inferSelect

/** An organization's subscription as Atlas knows it. */
export function subscriptionOf(db: Reader, organizationId: string): SubscriptionRow | undefined {
  return db.select().from(subscriptions).where(eq(subscriptions.organizationId, organizationId)).get()
}

/** The one of a customer's subscriptions that counts: the newest that has not ended, else the newest. */
export function currentOf(newestFirst: readonly PaidSubscription[]): PaidSubscription | undefined {
  const hasEnded = ({ status }: PaidSubscription) => status === 'canceled' || status === 'incomplete_expired'
  return newestFirst.find((one) => !hasEnded(one)) ?? newestFirst[0]
}

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
    stripeId: subscription.id,
    status: subscription.status,
    priceId: subscription.priceId,
    planId: priced?.id ?? before?.planId ?? soldPlanId,
    currentPeriodEnd: subscription.currentPeriodEnd,
    cancelAtPeriodEnd: subscription.cancelAtPeriodEnd,
    amount: subscription.amount,
    currency: subscription.currency,
    interval: subscription.interval,
    unpaidSince: subscription.unpaidSince,
    canceledAt: subscription.canceledAt,
    updatedAt: nowMs,
  }
  tx.insert(subscriptions)
    .values({ id: newId('sub', nowMs), organizationId, createdAt: nowMs, ...mirror })
    .onConflictDoUpdate({ target: subscriptions.organizationId, set: mirror })
    .run()
  noteUnpaid(tx, services, organizationId, before, subscription, nowMs)
}

/** Makes the row of an invoice equal to Stripe's. */
export function mirrorPayment(tx: Tx, organizationId: string, payment: Payment, nowMs: number): void {
  const { amount, currency, status, paidAt } = payment
  const mirror = { amount, currency, status, paidAt }
  const row = {
    id: newId('pay', nowMs),
    organizationId,
    stripeInvoiceId: payment.invoiceId,
    createdAt: nowMs,
    ...mirror,
  }
  tx.insert(payments).values(row).onConflictDoUpdate({ target: payments.stripeInvoiceId, set: mirror }).run()
}
