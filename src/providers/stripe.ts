import Stripe from 'stripe'
import { AtlasError, invalid } from '../errors'
import type { Checkout, CheckoutRequest, Payments, Price, WebhookEvent } from './payments'
import { asStripeFailure } from './stripe/failure'
import { getInvoice, listInvoices, paymentOf } from './stripe/invoices'
import {
  cancelSubscription,
  changePrice,
  getSubscription,
  listLiveSubscriptions,
  listSubscriptions,
  readSubscription,
} from './stripe/subscriptions'
import { idOf, known } from './stripe/words'

export type StripeOptions = {
  secretKey: string
  webhookSecret: string
  /** Where the API is, without `/v1`; Stripe's own when absent. */
  apiUrl?: string
  /** How long one request may take, in milliseconds. */
  timeoutMs?: number
}

const API_URL = 'https://api.stripe.com'
const TIMEOUT_MS = 20_000
const WEBHOOK_AGE_MAX_S = 300
// Two disciplined clocks may differ by a moment; anything more comes from a forger or a broken clock.
const WEBHOOK_FUTURE_MAX_S = 5

/**
 * Stripe through its own SDK. Every failure is an AtlasError; a failed call that may have acted has the
 * outcome `unknown`, and repeating it with the same idempotency key is safe for 24 hours.
 */
export function createStripe(options: StripeOptions): Payments {
  const stripe = connect(options)
  return {
    createCheckout: (request) => call(() => createCheckout(stripe, request)),
    getCheckout: (id) => call(() => getCheckout(stripe, id)),
    expireCheckout: (id) => call(() => expireCheckout(stripe, id)),
    getSubscription: (id) => call(() => getSubscription(stripe, id)),
    listSubscriptions: (customerId) => call(() => listSubscriptions(stripe, customerId)),
    listLiveSubscriptions: () => call(() => listLiveSubscriptions(stripe)),
    changePrice: (id, priceId, key) => call(() => changePrice(stripe, id, priceId, key)),
    cancelSubscription: (id) => call(() => cancelSubscription(stripe, id)),
    getInvoice: (id) => call(() => getInvoice(stripe, id)),
    listInvoices: (customerId) => call(() => listInvoices(stripe, customerId)),
    getPrice: (id) => call(async () => priceOf(await stripe.prices.retrieve(id))),
    verifyWebhook: (rawBody, signature, nowMs) =>
      verifyWebhook(stripe, options.webhookSecret, rawBody, signature, nowMs),
  }
}

function connect({ secretKey, apiUrl = API_URL, timeoutMs = TIMEOUT_MS }: StripeOptions): Stripe {
  const { hostname, port, protocol } = new URL(apiUrl)
  return new Stripe(secretKey, {
    host: hostname,
    port: port || (protocol === 'http:' ? 80 : 443),
    protocol: protocol === 'http:' ? 'http' : 'https',
    timeout: timeoutMs,
    telemetry: false,
    // Our runs retry: they write down every attempt, survive a restart and keep the idempotency key.
    maxNetworkRetries: 0,
    httpClient: Stripe.createFetchHttpClient(fetchOnce),
  })
}

// Whatever its settings, the SDK repeats a request whose connection was closed, which it knows by these codes.
const CLOSED_CODES = ['ECONNRESET', 'EPIPE']

/** A `fetch` whose closed connections the SDK leaves to us, so that one attempt is one request. */
const fetchOnce = Object.assign(
  (input: string | URL | Request, init?: RequestInit): Promise<Response> =>
    fetch(input, init).catch((cause: unknown) => {
      const isClosed = cause instanceof Error && 'code' in cause && CLOSED_CODES.includes(String(cause.code))
      if (!isClosed) throw cause
      throw Object.assign(new Error('the connection was closed', { cause }), { code: 'connection_closed' })
    }),
  { preconnect: fetch.preconnect },
)

async function call<T>(action: () => Promise<T>): Promise<T> {
  try {
    return await action()
  } catch (thrown) {
    throw asStripeFailure(thrown)
  }
}

async function createCheckout(stripe: Stripe, request: CheckoutRequest): Promise<Checkout> {
  const metadata = { signup_id: request.signupId }
  const session = await stripe.checkout.sessions.create(
    {
      mode: 'subscription',
      line_items: [{ price: request.priceId, quantity: 1 }],
      client_reference_id: request.signupId,
      customer_email: request.email,
      metadata,
      subscription_data: { metadata },
      success_url: request.successUrl,
      cancel_url: request.cancelUrl,
      expires_at: Math.floor(request.expiresAt / 1000),
    },
    { idempotencyKey: request.idempotencyKey },
  )
  return checkoutOf(stripe, session)
}

async function getCheckout(stripe: Stripe, id: string): Promise<Checkout> {
  const expand = ['subscription.latest_invoice', 'invoice']
  return checkoutOf(stripe, await stripe.checkout.sessions.retrieve(id, { expand }))
}

/** Stripe refuses to close a checkout that is closed already, so a refusal is looked into. */
async function expireCheckout(stripe: Stripe, id: string): Promise<void> {
  try {
    await stripe.checkout.sessions.expire(id)
  } catch (thrown) {
    const failure = asStripeFailure(thrown)
    if (failure.code !== 'invalid') throw failure
    const { status } = await stripe.checkout.sessions.retrieve(id)
    if (status === 'open') throw failure
  }
}

async function verifyWebhook(
  stripe: Stripe,
  secret: string,
  rawBody: string,
  signature: string,
  nowMs: number,
): Promise<WebhookEvent> {
  const event = await stripe.webhooks
    .constructEventAsync(rawBody, signature, secret, WEBHOOK_AGE_MAX_S, undefined, nowMs)
    .catch((cause: unknown) => {
      throw new AtlasError('invalid', 'The webhook is not signed by Stripe, or it is too old.', { cause })
    })
  if (signedAt(signature) > nowMs / 1000 + WEBHOOK_FUTURE_MAX_S) {
    throw invalid('The webhook was signed in the future.')
  }
  return webhookEvent(event)
}

/** The signature's time in seconds: the last `t=`, as the SDK reads it; it has parsed already by now. */
function signedAt(signature: string): number {
  const times = signature.split(',').filter((part) => part.startsWith('t='))
  return Number.parseInt(times.at(-1)?.slice(2) ?? '', 10)
}

function webhookEvent(event: unknown): WebhookEvent {
  const { id, type, created, livemode, data } = fields(event)
  if (typeof id !== 'string' || typeof type !== 'string' || typeof created !== 'number') {
    throw invalid('The webhook is no event of Stripe.')
  }
  const objectId = fields(fields(data).object).id
  return {
    id,
    type,
    createdAt: created * 1000,
    livemode: livemode === true,
    objectId: typeof objectId === 'string' ? objectId : null,
  }
}

function fields(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

async function checkoutOf(stripe: Stripe, session: Stripe.Checkout.Session): Promise<Checkout> {
  const { subscription, invoice } = session
  return {
    id: session.id,
    status: known(session.status, ['open', 'complete', 'expired']),
    paymentStatus: known(session.payment_status, ['paid', 'unpaid', 'no_payment_required']),
    url: session.url,
    expiresAt: session.expires_at * 1000,
    signupId: session.client_reference_id,
    customerId: idOf(session.customer),
    email: session.customer_details?.email ?? session.customer_email,
    amountTotal: session.amount_total,
    currency: session.currency,
    livemode: session.livemode,
    subscription:
      typeof subscription === 'object' && subscription ? await readSubscription(stripe, subscription) : null,
    payment: typeof invoice === 'object' && invoice ? paymentOf(invoice) : null,
  }
}

function priceOf(price: Stripe.Price): Price {
  if (price.unit_amount === null || !price.recurring) {
    throw invalid('This Stripe price is not a fixed amount that recurs.')
  }
  return {
    id: price.id,
    amount: price.unit_amount,
    currency: price.currency,
    interval: known(price.recurring.interval, ['day', 'week', 'month', 'year']),
  }
}
