import { missing, wrong } from './errors'
import type { Events, Origin } from './events'
import { acceptOnly, integer, isParams, list, metadata, nested, type Params, required, text } from './form'
import { type Session, session } from './session'
import type { Store } from './store'

const HALF_HOUR_S = 30 * 60
const DAY_S = 24 * 3600

/** Opens a checkout session for one recurring price, as `POST /v1/checkout/sessions` does. */
export function createSession(store: Store, params: Params): Session {
  if (required(params, 'mode') !== 'subscription') {
    throw wrong('This simulated account sells subscriptions only.', 'mode')
  }
  const base = store.base('cs_test_a1', 52)
  const subscriptionData = nested(params, 'subscription_data')
  acceptOnly(subscriptionData, ['metadata', 'description'])
  const customer = text(params, 'customer')
  if (customer && !store.customers.get(customer)) throw missing('customer', customer, 'customer', 400)
  return store.sessions.put(
    session(base, {
      ...lineItem(store, params),
      lineItem: store.id('li'),
      clientReferenceId: text(params, 'client_reference_id'),
      customer,
      email: emailOf(store, params, customer),
      metadata: metadata(params),
      subscriptionMetadata: metadata(subscriptionData),
      successUrl: url(required(params, 'success_url'), 'success_url'),
      cancelUrl: params.cancel_url ? url(required(params, 'cancel_url'), 'cancel_url') : null,
      expiresAt: expiry(params, base.created),
    }),
  )
}

function lineItem(store: Store, params: Params) {
  const items = list(params, 'line_items')
  if (items.length !== 1) throw wrong('This simulated account sells one item at a time.', 'line_items')
  const [item] = items
  if (!isParams(item)) throw wrong('Invalid object', 'line_items[0]')
  acceptOnly(item, ['price', 'quantity'])
  const id = required(item, 'price')
  const price = store.prices.get(id)
  if (!price) throw missing('price', id, 'line_items[0][price]', 400)
  const quantity = integer(item, 'quantity')
  if (quantity !== 1) throw wrong('Quantity must be 1.', 'line_items[0][quantity]')
  return { price, quantity, productName: store.products.get(price.product)?.name ?? '' }
}

function emailOf(store: Store, params: Params, customer: string | null): string | null {
  const email = text(params, 'customer_email')
  if (email && customer) {
    throw wrong('You may only specify one of these parameters: customer, customer_email.', 'customer')
  }
  if (email && !/^[^\s@]+@[^\s@]+$/.test(email)) {
    throw wrong('Invalid email address.', 'customer_email', 'email_invalid')
  }
  return email ?? (customer ? (store.customers.get(customer)?.email ?? null) : null)
}

function url(value: string, param: string): string {
  const isWeb = URL.canParse(value) && ['http:', 'https:'].includes(new URL(value).protocol)
  if (!isWeb) throw wrong('Not a valid URL', param, 'url_invalid')
  return value
}

function expiry(params: Params, created: number): number {
  const at = integer(params, 'expires_at') ?? created + DAY_S
  const inSeconds = at - created
  if (inSeconds < HALF_HOUR_S) {
    throw wrong(
      'The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation.',
      'expires_at',
    )
  }
  if (inSeconds > DAY_S) {
    throw wrong(
      'The `expires_at` timestamp must be less than 24 hours from Checkout Session creation.',
      'expires_at',
    )
  }
  return at
}

/** Closes an open session; refuses any other, as Stripe does. */
export function expireSession(store: Store, events: Events, session: Session, origin: Origin): Session {
  if (session.status !== 'open') {
    throw wrong(
      `Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session has a status of \`${session.status}\`.`,
      'session',
    )
  }
  const expired = store.sessions.put({ ...session, status: 'expired' })
  events.emit('checkout.session.expired', presented(expired, null), origin)
  return expired
}

/** A session as the API shows it: the address only while it is open, the line items only when asked for. */
export function presented(session: Session, url: string | null) {
  const { line_items: _lineItems, subscription_metadata: _metadata, ...rest } = session
  return { ...rest, url: session.status === 'open' ? url : null }
}
