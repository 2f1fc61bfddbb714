import type { Subscription, SubscriptionItem } from './billing'
import type { Base, Customer, Metadata } from './objects'

export type Invoice = ReturnType<typeof invoice>
export type InvoicePayment = ReturnType<typeof invoicePayment>

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
  item: SubscriptionItem,
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
