import type { Subscription } from './billing'
import type { InvoiceLine } from './invoice-line'
import type { Base, Customer, Metadata } from './objects'

export type Invoice = ReturnType<typeof draftInvoice>
export type InvoicePayment = ReturnType<typeof invoicePayment>

type InvoiceOf = {
  customer: Customer
  subscription: Subscription
  lines: InvoiceLine[]
  reason: 'subscription_create' | 'subscription_cycle' | 'subscription_update'
  /** The period that has just gone by; seconds. */
  period: { start: number; end: number }
  /** When it becomes final by itself; seconds. */
  finalizesAt: number
}

/** An invoice as it is written: nothing is owed until it is final. */
export function draftInvoice(base: Base, of: InvoiceOf) {
  const total = of.lines.reduce((sum, line) => sum + line.amount, 0)
  // A customer's balance below zero is what they may still spend.
  const due = Math.max(0, total + of.customer.balance)
  return {
    ...base,
    object: 'invoice' as const,
    account_country: 'US',
    account_name: 'Atlas',
    account_tax_ids: null,
    amount_due: due,
    amount_overpaid: 0,
    amount_paid: 0,
    amount_remaining: due,
    amount_shipping: 0,
    application: null,
    attempt_count: 0,
    attempted: false,
    auto_advance: true,
    automatic_tax: { disabled_reason: null, enabled: false, liability: null, provider: null, status: null },
    automatically_finalizes_at: of.finalizesAt as number | null,
    billing_reason: of.reason,
    collection_method: 'charge_automatically' as const,
    currency: of.subscription.currency,
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
    effective_at: null as number | null,
    ending_balance: null as number | null,
    footer: null,
    from_invoice: null,
    hosted_invoice_url: null,
    invoice_pdf: null,
    issuer: { type: 'self' as const },
    last_finalization_error: null,
    latest_revision: null,
    lines: {
      object: 'list' as const,
      data: of.lines.map((line) => ({ ...line, invoice: base.id })),
      has_more: false,
      url: `/v1/invoices/${base.id}/lines`,
    },
    livemode: false,
    metadata: {} as Metadata,
    next_payment_attempt: null as number | null,
    number: null as string | null,
    on_behalf_of: null,
    parent: {
      quote_details: null,
      subscription_details: { metadata: of.subscription.metadata, subscription: of.subscription.id },
      type: 'subscription_details' as const,
    },
    payment_settings: { default_mandate: null, payment_method_options: null, payment_method_types: null },
    period_end: of.period.end,
    period_start: of.period.start,
    post_payment_credit_notes_amount: 0,
    pre_payment_credit_notes_amount: 0,
    receipt_number: null,
    rendering: null,
    shipping_cost: null,
    shipping_details: null,
    starting_balance: of.customer.balance,
    statement_descriptor: null,
    status: 'draft' as 'draft' | 'open' | 'paid' | 'uncollectible' | 'void',
    status_transitions: {
      finalized_at: null as number | null,
      marked_uncollectible_at: null,
      paid_at: null as number | null,
      voided_at: null,
    },
    subtotal: total,
    subtotal_excluding_tax: total,
    test_clock: null,
    total,
    total_discount_amounts: [] as never[],
    total_excluding_tax: total,
    total_pretax_credit_amounts: [] as never[],
    total_taxes: [] as never[],
    webhooks_delivered_at: base.created,
  }
}

/** The same invoice once it is final: it has its number and waits to be paid. */
export function finalized(draft: Invoice, number: string, at: number): Invoice {
  return {
    ...draft,
    automatically_finalizes_at: null,
    effective_at: at,
    ending_balance: Math.min(0, draft.total + draft.starting_balance),
    number,
    status: 'open',
    status_transitions: { ...draft.status_transitions, finalized_at: at },
  }
}

/** The same invoice once its money is there. */
export function paid(open: Invoice, at: number): Invoice {
  return {
    ...tried(open, null),
    amount_paid: open.amount_due,
    amount_remaining: 0,
    auto_advance: false,
    status: 'paid',
    status_transitions: { ...open.status_transitions, paid_at: at },
  }
}

/** The same invoice after a card was asked once more; `nextAttempt` in seconds. */
export function tried(open: Invoice, nextAttempt: number | null): Invoice {
  return {
    ...open,
    attempt_count: open.attempt_count + 1,
    attempted: true,
    next_payment_attempt: nextAttempt,
  }
}

/** The link between a paid invoice and the payment that paid it. */
export function invoicePayment(base: Base, of: { invoice: Invoice; intent: string }) {
  return {
    ...base,
    object: 'invoice_payment' as const,
    amount_paid: of.invoice.amount_due,
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
