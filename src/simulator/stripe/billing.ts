import type { Base, Interval, Metadata, Price } from './objects'

export type Subscription = ReturnType<typeof subscription>
export type SubscriptionItem = ReturnType<typeof subscriptionItem>
export type SubscriptionStatus =
  | 'incomplete'
  | 'incomplete_expired'
  | 'trialing'
  | 'active'
  | 'past_due'
  | 'canceled'
  | 'unpaid'
  | 'paused'

/** A subscription that began at `base.created`, with one item at `of.price`. */
export function subscription(
  base: Base,
  of: { item: string; customer: string; price: Price; method: string; invoice: string; metadata: Metadata },
) {
  return {
    ...base,
    object: 'subscription' as const,
    application: null,
    application_fee_percent: null,
    automatic_tax: { disabled_reason: null, enabled: false, liability: null },
    billing_cycle_anchor: base.created,
    billing_cycle_anchor_config: null,
    billing_mode: { flexible: { proration_discounts: 'included' as const }, type: 'flexible' as const },
    billing_schedules: [] as never[],
    billing_thresholds: null,
    cancel_at: null as number | null,
    cancel_at_period_end: false,
    canceled_at: null as number | null,
    cancellation_details: {
      comment: null,
      feedback: null,
      feedback_option: null,
      reason: null as 'cancellation_requested' | null,
    },
    collection_method: 'charge_automatically' as const,
    currency: of.price.currency,
    customer: of.customer,
    customer_account: null,
    days_until_due: null,
    default_payment_method: of.method,
    default_source: null,
    default_tax_rates: [] as never[],
    description: null,
    discounts: [] as string[],
    ended_at: null as number | null,
    invoice_settings: {
      account_tax_ids: null,
      custom_fields: null,
      description: null,
      footer: null,
      issuer: { type: 'self' as const },
    },
    items: {
      object: 'list' as const,
      data: [subscriptionItem({ id: of.item, created: base.created }, base.id, of.price)],
      has_more: false,
      url: `/v1/subscription_items?subscription=${base.id}`,
    },
    latest_invoice: of.invoice as string | null,
    livemode: false,
    managed_payments: null,
    metadata: of.metadata,
    next_pending_invoice_item_invoice: null,
    on_behalf_of: null,
    pause_collection: null,
    payment_settings: {
      payment_method_options: null,
      payment_method_types: null,
      save_default_payment_method: 'off' as const,
    },
    pending_invoice_item_interval: null,
    pending_setup_intent: null,
    pending_update: null,
    schedule: null,
    start_date: base.created,
    status: 'active' as SubscriptionStatus,
    test_clock: null,
    transfer_data: null,
    trial_end: null,
    trial_settings: {
      end_behavior: { billing_cycle_anchor: null, missing_payment_method: 'create_invoice' as const },
    },
    trial_start: null,
  }
}

function subscriptionItem(base: Base, subscriptionId: string, price: Price) {
  return {
    ...base,
    object: 'subscription_item' as const,
    billing_thresholds: null,
    current_period_end: periodEnd(base.created, price.recurring.interval),
    current_period_start: base.created,
    current_trial: null,
    discounts: [] as string[],
    metadata: {} as Metadata,
    plan: planOf(price),
    price,
    quantity: 1,
    subscription: subscriptionId,
    tax_rates: [] as never[],
  }
}

/** The price once more in the shape of the older Plan object, which the API still sends along. */
export function planOf(price: Price) {
  const { interval, interval_count, meter, trial_period_days, usage_type } = price.recurring
  return {
    id: price.id,
    object: 'plan' as const,
    active: price.active,
    amount: price.unit_amount,
    amount_decimal: price.unit_amount_decimal,
    billing_scheme: price.billing_scheme,
    created: price.created,
    currency: price.currency,
    interval,
    interval_count,
    livemode: false,
    metadata: {} as Metadata,
    meter,
    nickname: null,
    product: price.product,
    tiers_mode: null,
    transform_usage: null,
    trial_period_days,
    usage_type,
  }
}

/**
 * When the period that begins at `start` ends: on the same day of a later month as `anchor` (or its last day), as
 * Stripe bills; in seconds.
 */
export function periodEnd(start: number, interval: Interval, anchor = start): number {
  if (interval === 'day' || interval === 'week') return start + (interval === 'day' ? 1 : 7) * 86_400
  const step = interval === 'month' ? 1 : 12
  for (let months = step; ; months += step) {
    const end = monthsAfter(anchor, months)
    if (end > start) return end
  }
}

function monthsAfter(anchor: number, months: number): number {
  const from = new Date(anchor * 1000)
  const to = new Date(from)
  to.setUTCDate(1)
  to.setUTCMonth(from.getUTCMonth() + months)
  const lastDay = new Date(Date.UTC(to.getUTCFullYear(), to.getUTCMonth() + 1, 0)).getUTCDate()
  to.setUTCDate(Math.min(from.getUTCDate(), lastDay))
  return Math.floor(to.getTime() / 1000)
}

/** The subscription in the period that follows its present one. */
export function nextPeriod(known: Subscription): Subscription {
  const data = known.items.data.map((item) => {
    const start = item.current_period_end
    const end = periodEnd(start, item.price.recurring.interval, known.billing_cycle_anchor)
    return { ...item, current_period_start: start, current_period_end: end }
  })
  return { ...known, items: { ...known.items, data } }
}

/** When the present period is over; seconds. */
export function endOf(known: Subscription): number {
  return Math.max(...known.items.data.map((item) => item.current_period_end))
}

/** Whether it can't bring anything any more. */
export function hasEnded({ status }: Subscription): boolean {
  return status === 'canceled' || status === 'incomplete_expired'
}
