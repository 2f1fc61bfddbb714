import type { Card } from './cards'
import type { Base, Metadata } from './objects'

export type PaymentMethod = ReturnType<typeof paymentMethod>
export type PaymentIntent = ReturnType<typeof paymentIntent>
export type Charge = ReturnType<typeof charge>

const checks = { address_line1_check: null, address_postal_code_check: null, cvc_check: 'pass' as const }

function billingDetails(of: { email: string | null; name: string | null }) {
  return { address: null, email: of.email, name: of.name, phone: null, tax_id: null }
}

/** What the card's payment method and its charge both say of it. */
function cardFacts(card: Card) {
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

/** Why a payment did not come about. */
export type PaymentError = {
  type: 'card_error'
  code: 'card_declined'
  decline_code: string
  charge: string
  message: string
}

type Money = { amount: number; currency: string; customer: string; method: string }

/** A payment that succeeded. */
export function paymentIntent(base: Base, of: Money & { charge: string; description: string }) {
  return {
    ...base,
    object: 'payment_intent' as const,
    allowed_payment_method_types: null,
    amount: of.amount,
    amount_capturable: 0,
    amount_details: { tip: {} },
    amount_received: of.amount,
    application: null,
    application_fee_amount: null,
    automatic_payment_methods: null,
    canceled_at: null,
    cancellation_reason: null,
    capture_method: 'automatic' as const,
    client_secret: `${base.id}_secret_${base.id.slice(-12)}`,
    confirmation_method: 'automatic' as const,
    currency: of.currency,
    customer: of.customer,
    customer_account: null,
    description: of.description,
    excluded_payment_method_types: null,
    last_payment_error: null as PaymentError | null,
    latest_charge: of.charge,
    livemode: false,
    managed_payments: null,
    metadata: {} as Metadata,
    next_action: null,
    on_behalf_of: null,
    payment_method: of.method as string | null,
    payment_method_configuration_details: null,
    payment_method_options: {},
    payment_method_types: ['card'],
    payment_record: null,
    processing: null,
    receipt_email: null,
    review: null,
    setup_future_usage: 'off_session' as const,
    shipping: null,
    source: null,
    statement_descriptor: null,
    statement_descriptor_suffix: null,
    status: 'succeeded' as 'succeeded' | 'requires_payment_method',
    transfer_data: null,
    transfer_group: null,
  }
}

/** A charge that succeeded. */
export function charge(
  base: Base,
  of: Money & { card: Card; intent: string; email: string | null; name: string | null; description: string },
) {
  return {
    ...base,
    object: 'charge' as const,
    amount: of.amount,
    amount_captured: of.amount,
    amount_refunded: 0,
    application: null,
    application_fee: null,
    application_fee_amount: null,
    balance_transaction: null,
    billing_details: billingDetails(of),
    calculated_statement_descriptor: 'ATLAS',
    captured: true as boolean,
    currency: of.currency,
    customer: of.customer,
    description: of.description,
    disputed: false,
    failure_balance_transaction: null,
    failure_code: null as string | null,
    failure_message: null as string | null,
    fraud_details: {},
    livemode: false,
    metadata: {} as Metadata,
    on_behalf_of: null,
    outcome: {
      advice_code: null,
      network_advice_code: null,
      network_decline_code: null,
      network_status: 'approved_by_network',
      reason: null as string | null,
      risk_level: 'normal',
      risk_score: 12,
      seller_message: 'Payment complete.',
      type: 'authorized',
    },
    paid: true as boolean,
    payment_intent: of.intent,
    payment_method: of.method,
    payment_method_details: {
      card: {
        ...cardFacts(of.card),
        amount_authorized: of.amount,
        authorization_code: null,
        electronic_commerce_indicator: null,
        installments: null,
        mandate: null,
        network: of.card.brand,
        network_transaction_id: null,
        three_d_secure: null,
        transaction_link_id: null,
      },
      type: 'card',
    },
    receipt_email: null,
    receipt_number: null,
    receipt_url: null,
    refunded: false,
    review: null,
    shipping: null,
    source: null,
    source_transfer: null,
    statement_descriptor: null,
    statement_descriptor_suffix: null,
    status: 'succeeded' as 'succeeded' | 'failed',
    transfer_data: null,
    transfer_group: null,
  }
}

const DECLINED = 'Your card was declined.'

/** The same charge as the bank refused it. */
export function declinedCharge(one: Charge): Charge {
  return {
    ...one,
    amount_captured: 0,
    captured: false,
    failure_code: 'card_declined',
    failure_message: DECLINED,
    outcome: {
      ...one.outcome,
      network_status: 'declined_by_network',
      reason: 'generic_decline',
      seller_message: 'The bank did not return any further details with this decline.',
      type: 'issuer_declined',
    },
    paid: false,
    status: 'failed',
  }
}

/** The same payment after its charge was refused: it waits for another card. */
export function declinedIntent(one: PaymentIntent): PaymentIntent {
  return {
    ...one,
    amount_received: 0,
    last_payment_error: {
      type: 'card_error',
      code: 'card_declined',
      decline_code: 'generic_decline',
      charge: one.latest_charge,
      message: DECLINED,
    },
    payment_method: null,
    status: 'requires_payment_method',
  }
}
