export type Metadata = Record<string, string>

/** What every object of Stripe has; times are in seconds, money is in minor units. */
export type Base = { id: string; created: number }

export type Customer = ReturnType<typeof customer>

/** A customer as the API sends it. */
export function customer(base: Base, of: { email: string | null; name: string | null; metadata: Metadata }) {
  return {
    ...base,
    object: 'customer' as const,
    address: null,
    balance: 0,
    currency: null as string | null,
    default_source: null,
    delinquent: false,
    description: null as string | null,
    discount: null,
    email: of.email,
    invoice_prefix: base.id.slice(-8).toUpperCase(),
    invoice_settings: {
      custom_fields: null,
      default_payment_method: null as string | null,
      footer: null,
      rendering_options: null,
    },
    livemode: false,
    metadata: of.metadata,
    name: of.name,
    next_invoice_sequence: 1,
    phone: null,
    preferred_locales: [] as string[],
    shipping: null,
    tax_exempt: 'none' as const,
    test_clock: null,
  }
}

export type Interval = 'day' | 'week' | 'month' | 'year'
export type Product = ReturnType<typeof product>
export type Price = ReturnType<typeof price>

/** A product as the API sends it. */
export function product(base: Base, name: string) {
  return {
    ...base,
    object: 'product' as const,
    active: true,
    default_price: null as string | null,
    description: null,
    images: [] as string[],
    livemode: false,
    marketing_features: [] as { name: string }[],
    metadata: {} as Metadata,
    name,
    package_dimensions: null,
    shippable: null,
    statement_descriptor: null,
    tax_code: null,
    tax_details: null,
    type: 'service' as const,
    unit_label: null,
    updated: base.created,
    url: null,
  }
}

/** A fixed amount that recurs. */
export function price(
  base: Base,
  of: { product: string; amount: number; currency: string; interval: Interval },
) {
  return {
    ...base,
    object: 'price' as const,
    active: true,
    billing_scheme: 'per_unit' as const,
    currency: of.currency,
    custom_unit_amount: null,
    livemode: false,
    lookup_key: null,
    metadata: {} as Metadata,
    nickname: null,
    product: of.product,
    recurring: {
      interval: of.interval,
      interval_count: 1,
      meter: null,
      trial_period_days: null,
      usage_type: 'licensed' as const,
    },
    tax_behavior: 'unspecified' as const,
    tiers_mode: null,
    transform_quantity: null,
    type: 'recurring' as const,
    unit_amount: of.amount,
    unit_amount_decimal: String(of.amount),
  }
}
