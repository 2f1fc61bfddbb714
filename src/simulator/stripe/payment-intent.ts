import type { Base, Metadata } from './objects'

export type PaymentIntent = ReturnType<typeof paymentIntent>

/** Why a payment did not come about. */
export type PaymentError = {
  type: 'card_error'
  code: 'card_declined'
  decline_code: string
  charge: string
  message: string
}

/** What is paid, by whom and with which method. */
export type PaymentOf = { amount: number; currency: string; customer: string; method: string }

/** What a customer is told of a card that the bank refuses. */
export const DECLINED = 'Your card was declined.'

/** A payment that succeeded. */
export function paymentIntent(base: Base, of: PaymentOf & { charge: string; description: string }) {
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
