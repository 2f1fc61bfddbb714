import type { Card } from './cards'
import type { Base, Metadata } from './objects'
import { DECLINED, type PaymentOf } from './payment-intent'
import { billingDetails, cardFacts } from './payment-method'

export type Charge = ReturnType<typeof charge>

/** A charge that succeeded. */
export function charge(
  base: Base,
  of: PaymentOf & {
    card: Card
    intent: string
    email: string | null
    name: string | null
    description: string
  },
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
