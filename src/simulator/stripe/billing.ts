import type { Base, Customer, Interval, Metadata, Price } from './objects'

export type Subscription = ReturnType<typeof subscription>
export type Invoice = ReturnType<typeof invoice>
export type InvoicePayment = ReturnType<typeof invoicePayment>
export type SubscriptionStatus = 'active' | 'past_due' | 'unpaid' | 'canceled'

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

export function subscriptionItem(base: Base, subscriptionId: string, price: Price) {
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

/** The same day of the next month (or its last day), as Stripe bills; in seconds. */
export function periodEnd(start: number, interval: Interval): number {
  const from = new Date(start * 1000)
  if (interval === 'day' || interval === 'week') return start + (interval === 'day' ? 1 : 7) * 86_400
  const months = interval === 'month' ? 1 : 12
  const to = new Date(from)
  to.setUTCDate(1)
  to.setUTCMonth(from.getUTCMonth() + months)
  const lastDay = new Date(Date.UTC(to.getUTCFullYear(), to.getUTCMonth() + 1, 0)).getUTCDate()
  to.setUTCDate(Math.min(from.getUTCDate(), lastDay))
  return Math.floor(to.getTime() / 1000)
}

type InvoiceOf = {
  line: string
  number: string
  customer: Customer
  subscription: Subscription
  description: string
}

/** The first invoice of a subscription: finalized and paid at `base.created`. */
export function invoice(base: Base, of: InvoiceOf) {
  const [item] = of.subscription.items.data
  if (!item) throw new Error('a subscription has an item')
  const amount = item.price.unit_amount
  return {
    ...base,
    object: 'invoice' as const,
    account_country: 'US',
    account_name: 'Atlas',
    account_tax_ids: null,
    amount_due: amount,
    amount_overpaid: 0,
    amount_paid: amount,
    amount_remaining: 0,
    amount_shipping: 0,
    application: null,
    attempt_count: 1,
    attempted: true,
    auto_advance: false,
    automatic_tax: { disabled_reason: null, enabled: false, liability: null, provider: null, status: null },
    automatically_finalizes_at: null,
    billing_reason: 'subscription_create' as const,
    collection_method: 'charge_automatically' as const,
    currency: item.price.currency,
    custom_fields: null,
    customer: of.customer.id,
    customer_account: null,
    customer_address: null,
    customer_email: of.customer.email,
    customer_name: of.customer.name,
    customer_phone: null,
    customer_shipping: null,
    customer_tax_exempt: 'none' as const,
    customer_tax_ids: [] as never[],
    default_payment_method: null,
    default_source: null,
    default_tax_rates: [] as never[],
    description: null,
    discounts: [] as string[],
    due_date: null,
    effective_at: base.created,
    ending_balance: 0,
    footer: null,
    from_invoice: null,
    hosted_invoice_url: null,
    invoice_pdf: null,
    issuer: { type: 'self' as const },
    last_finalization_error: null,
    latest_revision: null,
    lines: {
      object: 'list' as const,
      data: [invoiceLine(of.line, base.id, of.subscription, item, of.description)],
      has_more: false,
      url: `/v1/invoices/${base.id}/lines`,
    },
    livemode: false,
    metadata: {} as Metadata,
    next_payment_attempt: null as number | null,
    number: of.number,
    on_behalf_of: null,
    parent: {
      quote_details: null,
      subscription_details: { metadata: of.subscription.metadata, subscription: of.subscription.id },
      type: 'subscription_details' as const,
    },
    payment_settings: { default_mandate: null, payment_method_options: null, payment_method_types: null },
    period_end: base.created,
    period_start: base.created,
    post_payment_credit_notes_amount: 0,
    pre_payment_credit_notes_amount: 0,
    receipt_number: null,
    rendering: null,
    shipping_cost: null,
    shipping_details: null,
    starting_balance: 0,
    statement_descriptor: null,
    status: 'paid' as 'draft' | 'open' | 'paid' | 'uncollectible' | 'void',
    status_transitions: {
      finalized_at: base.created as number | null,
      marked_uncollectible_at: null,
      paid_at: base.created as number | null,
      voided_at: null,
    },
    subtotal: amount,
    subtotal_excluding_tax: amount,
    test_clock: null,
    total: amount,
    total_discount_amounts: [] as never[],
    total_excluding_tax: amount,
    total_pretax_credit_amounts: [] as never[],
    total_taxes: [] as never[],
    webhooks_delivered_at: base.created,
  }
}

function invoiceLine(
  id: string,
  invoiceId: string,
  { id: subscriptionId, metadata }: Subscription,
  item: ReturnType<typeof subscriptionItem>,
  description: string,
) {
  return {
    id,
    object: 'line_item' as const,
    amount: item.price.unit_amount,
    currency: item.price.currency,
    description,
    discount_amounts: [] as never[],
    discountable: true,
    discounts: [] as string[],
    invoice: invoiceId,
    livemode: false,
    metadata,
    parent: {
      invoice_item_details: null,
      subscription_item_details: {
        invoice_item: null,
        proration: false,
        proration_details: { credited_items: null },
        subscription: subscriptionId,
        subscription_item: item.id,
      },
      type: 'subscription_item_details' as const,
    },
    period: { end: item.current_period_end, start: item.current_period_start },
    pretax_credit_amounts: [] as never[],
    pricing: {
      price_details: { price: item.price.id, product: item.price.product },
      type: 'price_details' as const,
      unit_amount_decimal: item.price.unit_amount_decimal,
    },
    quantity: 1,
    quantity_decimal: '1',
    subscription: subscriptionId,
    subtotal: item.price.unit_amount,
    taxes: [] as never[],
  }
}

export function invoicePayment(base: Base, of: { invoice: Invoice; intent: string }) {
  return {
    ...base,
    object: 'invoice_payment' as const,
    amount_paid: of.invoice.amount_paid,
    amount_requested: of.invoice.amount_due,
    currency: of.invoice.currency,
    invoice: of.invoice.id,
    is_default: true,
    livemode: false,
    payment: { payment_intent: of.intent, type: 'payment_intent' as const },
    status: 'paid' as const,
    status_transitions: { canceled_at: null, paid_at: base.created },
  }
}
