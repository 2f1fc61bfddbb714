/**
 * The vendorCode of a failure that the provider has remembered under the idempotency key: the same key only gives it
 * again.
 */
export const REMEMBERED_FAILURE = 'api_error_remembered'

/** What Atlas asks of a payment provider, in its own words; `stripe.ts` is the real client. */
export interface Payments {
  /** Opens a hosted checkout for a new subscription. The same key gives the same checkout. */
  createCheckout(request: CheckoutRequest): Promise<Checkout>
  /** The checkout as it is now, with its subscription and first payment. Throws `not_found`. */
  getCheckout(checkoutId: string): Promise<Checkout>
  /** Closes a checkout that nobody will pay; harmless when it is closed already. */
  expireCheckout(checkoutId: string): Promise<void>
  getSubscription(subscriptionId: string): Promise<PaidSubscription>
  /** Every subscription a customer has, newest first. */
  listSubscriptions(customerId: string): Promise<PaidSubscription[]>
  getPrice(priceId: string): Promise<Price>
  /** Verifies a webhook's raw body. Throws `invalid` when it is forged, too old or from the future. */
  verifyWebhook(rawBody: string, signature: string, nowMs: number): Promise<WebhookEvent>
}

export type CheckoutRequest = {
  signupId: string
  email: string
  priceId: string
  successUrl: string
  cancelUrl: string
  /** UTC milliseconds; Stripe takes 30 minutes to 24 hours from now. */
  expiresAt: number
  idempotencyKey: string
}

export type Checkout = {
  id: string
  status: 'open' | 'complete' | 'expired'
  paymentStatus: 'paid' | 'unpaid' | 'no_payment_required'
  /** Where to send the customer while it is open. */
  url: string | null
  expiresAt: number
  signupId: string | null
  customerId: string | null
  email: string | null
  amountTotal: number | null
  currency: string | null
  livemode: boolean
  subscription: PaidSubscription | null
  payment: Payment | null
}

export type PaidSubscription = {
  id: string
  customerId: string
  status:
    | 'incomplete'
    | 'incomplete_expired'
    | 'trialing'
    | 'active'
    | 'past_due'
    | 'canceled'
    | 'unpaid'
    | 'paused'
  priceId: string
  /** UTC milliseconds, read from the subscription's item. */
  currentPeriodEnd: number
  cancelAtPeriodEnd: boolean
}

/** The first invoice of a subscription, as money: integer minor units. */
export type Payment = {
  invoiceId: string
  amount: number
  currency: string
  status: 'paid' | 'open' | 'failed'
  paidAt: number | null
}

export type Price = {
  id: string
  amount: number
  currency: string
  interval: 'day' | 'week' | 'month' | 'year'
}

export type WebhookEvent = {
  id: string
  type: string
  createdAt: number
  livemode: boolean
  /** The id of the object the event is about. */
  objectId: string | null
}
