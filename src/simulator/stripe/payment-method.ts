import type { Card } from './cards'
import type { Base, Metadata } from './objects'

export type PaymentMethod = ReturnType<typeof paymentMethod>

const checks = { address_line1_check: null, address_postal_code_check: null, cvc_check: 'pass' as const }

/** Who pays with a card, as its payment method and its charges say it. */
export function billingDetails(of: { email: string | null; name: string | null }) {
  return { address: null, email: of.email, name: of.name, phone: null, tax_id: null }
}

/** What the card's payment method and its charge both say of it. */
export function cardFacts(card: Card) {
  return {
    brand: card.brand,
    checks,
    country: 'US',
    exp_month: card.expMonth,
    exp_year: card.expYear,
    fingerprint: card.fingerprint,
    funding: 'credit' as const,
    last4: card.last4,
    regulated_status: 'unregulated' as const,
    wallet: null,
  }
}

/** The card that a method of payment stands for. */
export function cardOf({ card }: PaymentMethod): Card {
  const { brand, last4, exp_month: expMonth, exp_year: expYear, fingerprint } = card
  return { brand, last4, expMonth, expYear, fingerprint, outcome: 'succeeds' }
}

/** The card, as the customer's method of payment. */
export function paymentMethod(
  base: Base,
  of: { card: Card; customer: string; email: string | null; name: string | null },
) {
  return {
    ...base,
    object: 'payment_method' as const,
    allow_redisplay: 'limited' as const,
    billing_details: billingDetails(of),
    card: {
      ...cardFacts(of.card),
      display_brand: of.card.brand,
      generated_from: null,
      networks: { available: [of.card.brand], preferred: null },
      three_d_secure_usage: { supported: true },
    },
    customer: of.customer,
    customer_account: null,
    livemode: false,
    metadata: {} as Metadata,
    type: 'card' as const,
  }
}
