import type { Base, Metadata, Price } from './objects'

export type Session = ReturnType<typeof session>

export type SessionOf = {
  price: Price
  productName: string
  lineItem: string
  quantity: number
  clientReferenceId: string | null
  customer: string | null
  email: string | null
  metadata: Metadata
  subscriptionMetadata: Metadata
  successUrl: string
  cancelUrl: string | null
  expiresAt: number
}

/** A checkout session as it is kept: with its line items and what its subscription will carry. */
export function session(base: Base, of: SessionOf) {
  const amount = of.price.unit_amount * of.quantity
  return {
    ...base,
    object: 'checkout.session' as const,
    adaptive_pricing: { enabled: false },
    after_expiration: null,
    allow_promotion_codes: null,
    allowed_payment_method_types: null,
    amount_subtotal: amount,
    amount_total: amount,
    automatic_tax: { enabled: false, liability: null, provider: null, status: null },
    billing_address_collection: null,
    cancel_url: of.cancelUrl,
    client_reference_id: of.clientReferenceId,
    client_secret: null,
    collected_information: null,
    consent: null,
    consent_collection: null,
    currency: of.price.currency,
    currency_conversion: null,
    custom_fields: [] as never[],
    custom_text: {
      after_submit: null,
      shipping_address: null,
      submit: null,
      terms_of_service_acceptance: null,
    },
    customer: of.customer,
    customer_account: null,
    customer_creation: of.customer ? null : ('always' as const),
    customer_details: of.email === null ? null : customerDetails(of.email, null),
    customer_email: of.email,
    discounts: [] as never[],
    expires_at: of.expiresAt,
    integration_identifier: null,
    invoice: null as string | null,
    invoice_creation: null,
    livemode: false,
    locale: null,
    managed_payments: null,
    metadata: of.metadata,
    mode: 'subscription' as const,
    origin_context: null,
    payment_intent: null,
    payment_link: null,
    payment_method_collection: 'always' as const,
    payment_method_configuration_details: null,
    payment_method_options: { card: { request_three_d_secure: 'automatic' as const } },
    payment_method_types: ['card'],
    payment_status: 'unpaid' as 'paid' | 'unpaid',
    permissions: null,
    phone_number_collection: { enabled: false },
    recovered_from: null,
    saved_payment_method_options: {
      allow_redisplay_filters: ['always' as const],
      payment_method_remove: 'disabled' as const,
      payment_method_save: null,
    },
    setup_intent: null,
    shipping_address_collection: null,
    shipping_cost: null,
    shipping_options: [] as never[],
    status: 'open' as 'open' | 'complete' | 'expired',
    submit_type: null,
    subscription: null as string | null,
    success_url: of.successUrl,
    total_details: { amount_discount: 0, amount_shipping: 0, amount_tax: 0 },
    ui_mode: 'hosted_page' as const,
    wallet_options: null,
    line_items: {
      object: 'list' as const,
      data: [lineItem(of, amount)],
      has_more: false,
      url: `/v1/checkout/sessions/${base.id}/line_items`,
    },
    subscription_metadata: of.subscriptionMetadata,
  }
}

/** What a customer gave of themselves at the checkout. */
export function customerDetails(email: string, name: string | null) {
  return {
    address: null,
    business_name: null,
    email,
    individual_name: null,
    name,
    phone: null,
    tax_exempt: 'none' as const,
    tax_ids: [] as never[],
  }
}

function lineItem(of: SessionOf, amount: number) {
  return {
    id: of.lineItem,
    object: 'item' as const,
    adjustable_quantity: null,
    amount_discount: 0,
    amount_subtotal: amount,
    amount_tax: 0,
    amount_total: amount,
    currency: of.price.currency,
    description: of.productName,
    metadata: {} as Metadata,
    price: of.price,
    quantity: of.quantity,
  }
}
