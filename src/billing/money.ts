import { and, count, eq, gte, inArray, sql, sum } from 'drizzle-orm'
import type { Reader } from '../db/open'
import { payments, plans, subscriptions } from '../db/schema'

/** An amount in minor units with its currency. */
export type Money = { amount: number; currency: string }

/** What live subscriptions bring in a month, by currency; a yearly price counts a twelfth. */
export function monthlyRevenue(db: Reader): Money[] {
  const perMonth = sql<number>`sum(CASE ${plans.interval} WHEN 'year' THEN ${plans.amount} / 12 ELSE ${plans.amount} END)`
  return db
    .select({ amount: perMonth, currency: plans.currency })
    .from(subscriptions)
    .innerJoin(plans, eq(plans.id, subscriptions.planId))
    .where(inArray(subscriptions.status, ['active', 'trialing', 'past_due']))
    .groupBy(plans.currency)
    .all()
}

/** What was paid since a moment, by currency. */
export function paidSince(db: Reader, sinceMs: number): (Money & { count: number })[] {
  return db
    .select({ amount: sum(payments.amount), currency: payments.currency, count: count() })
    .from(payments)
    .where(and(eq(payments.status, 'paid'), gte(payments.paidAt, sinceMs)))
    .groupBy(payments.currency)
    .all()
    .map((row) => ({ ...row, amount: Number(row.amount ?? 0) }))
}

/** The first moment of the month (UTC) that a time falls in. */
export function monthStart(nowMs: number): number {
  const now = new Date(nowMs)
  return Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), 1)
}
