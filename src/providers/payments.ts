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
  /** Every subscription of the account that has not ended, every page, also those that Atlas did not sell. */
  listLiveSubscriptions(): Promise<PaidSubscription[]>
  /** Moves a subscription to another price, the difference prorated; one that has it already stays as it is. */
  changePrice(subscriptionId: string, priceId: string, idempotencyKey: string): Promise<PaidSubscription>
  /** Ends a subscription at once; one that has ended stays as it is, so a repetition needs no key. */
  cancelSubscription(subscriptionId: string): Promise<PaidSubscription>
  /** An invoice as it is now. Throws `not_found`. */
  getInvoice(invoiceId: string): Promise<Invoice>
  /** Every invoice a customer has been sent, newest first; drafts are not sent yet. */
  listInvoices(customerId: string): Promise<Invoice[]>
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
  /** What it costs a period: integer minor units. */
  amount: number
  currency: string
  interval: Price['interval']
  /** Since when its oldest unpaid invoice waits to be paid; null when nothing is owed. UTC milliseconds. */
  unpaidSince: number | null
  /** Its latest invoice as money; null before there is one. */
  latestPayment: Payment | null
  /** When its end was asked for, which may be at the end of its period. */
  canceledAt: number | null
  /** The signup that it was sold to; null for one that was not sold by Atlas. */
  signupId: string | null
  createdAt: number
}

export type Invoice = Payment & {
  customerId: string | null
  /** Null for an invoice that belongs to no subscription. */
  subscriptionId: string | null
}

/** An invoice as money: integer minor units. */
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
