import { and, count, eq, gte, inArray, sql, sum } from 'drizzle-orm'
import type { Reader } from '../db/open'
import { payments, plans, subscriptions } from '../db/schema'

/** An amount in minor units with its currency. */
export type Money = { amount: number; currency: string }

/** What live subscriptions bring in a month, by currency; a yearly price counts a twelfth. */
export function monthlyRevenue(db: Reader): Money[] {
  // What Stripe charges; a row from before that was kept has its plan's price.
  const amount = sql`coalesce(${subscriptions.amount}, ${plans.amount})`
  const interval = sql`coalesce(${subscriptions.interval}, ${plans.interval})`
  const currency = sql<string>`coalesce(${subscriptions.currency}, ${plans.currency})`
  const perMonth = sql<number>`sum(CASE ${interval} WHEN 'year' THEN ${amount} / 12 ELSE ${amount} END)`
  return db
    .select({ amount: perMonth, currency })
    .from(subscriptions)
    .innerJoin(plans, eq(plans.id, subscriptions.planId))
    .where(inArray(subscriptions.status, ['active', 'trialing', 'past_due']))
    .groupBy(currency)
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
