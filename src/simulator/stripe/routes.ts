import type { Table } from '../world'
import type { Call } from './call'
import { createSession, expireSession } from './checkout'
import { payInvoice } from './collection'
import { missing, type Refusal, wrong } from './errors'
import { metadata, required, text } from './form'
import type { Invoice } from './invoice'
import { createdWithin, LIST_PARAMS, listPage } from './lists'
import { type Base, type Customer, customer } from './objects'
import type { Session } from './session'
import { cancelSubscription, listedSubscriptions, updateSubscription } from './subscriptions'

/** `run` throws what was refused before anything happened, and returns a refusal that something came of. */
export type Route = { verb: string; accepts: string[]; run: (call: Call) => object | Refusal }

const SESSION_PARAMS = ['mode', 'line_items', 'client_reference_id', 'customer', 'customer_email', 'metadata']
const SESSION_MORE = ['subscription_data', 'success_url', 'cancel_url', 'expires_at']
const CUSTOMER_PARAMS = ['email', 'name', 'description', 'metadata']
const UPDATE_PARAMS = ['cancel_at_period_end', 'metadata', 'items', 'proration_behavior']

/** The part of the API that is simulated; any other path is 404, any other parameter 400. */
export const ROUTES: Route[] = [
  route('POST /checkout/sessions', [...SESSION_PARAMS, ...SESSION_MORE], (call) =>
    createSession(call.store, call.params),
  ),
  route('GET /checkout/sessions', ['customer', 'subscription', 'status', 'created', ...LIST_PARAMS], (call) =>
    listed(call, call.store.sessions, ['customer', 'subscription', 'status']),
  ),
  route('GET /checkout/sessions/:id', [], sessionOf),
  route('GET /checkout/sessions/:id/line_items', LIST_PARAMS, (call) => sessionOf(call).line_items),
  route('POST /checkout/sessions/:id/expire', [], (call) =>
    expireSession(call.store, call.events, sessionOf(call), call.origin),
  ),
  route('POST /customers', CUSTOMER_PARAMS, createCustomer),
  route('GET /customers', ['email', 'created', ...LIST_PARAMS], (call) =>
    listed(call, call.store.customers, ['email']),
  ),
  route('GET /customers/search', ['query', 'limit'], searchCustomers),
  route('GET /customers/:id', [], (call) => found(call, call.store.customers, 'customer', 'id')),
  route('GET /products', ['active', 'created', ...LIST_PARAMS], (call) =>
    listed(call, call.store.products, ['active']),
  ),
  route('GET /products/:id', [], (call) => found(call, call.store.products, 'product', 'id')),
  route('GET /prices', ['active', 'product', 'currency', 'created', ...LIST_PARAMS], (call) =>
    listed(call, call.store.prices, ['active', 'product', 'currency']),
  ),
  route('GET /prices/:id', [], (call) => found(call, call.store.prices, 'price', 'price')),
  route(
    'GET /subscriptions',
    ['customer', 'status', 'price', 'created', ...LIST_PARAMS],
    listedSubscriptions,
  ),
  route('GET /subscriptions/:id', [], subscriptionOf),
  route('POST /subscriptions/:id', UPDATE_PARAMS, (call) => updateSubscription(call, subscriptionOf(call))),
  route('DELETE /subscriptions/:id', [], (call) => cancelSubscription(call, subscriptionOf(call))),
  route('GET /invoices', ['customer', 'subscription', 'status', 'created', ...LIST_PARAMS], listInvoices),
  route('GET /invoices/:id', [], invoiceOf),
  route('POST /invoices/:id/pay', ['paid_out_of_band'], (call) => payInvoice(call, invoiceOf(call))),
  route('GET /payment_intents/:id', [], (call) =>
    found(call, call.store.intents, 'payment_intent', 'intent'),
  ),
  route('GET /events', ['type', 'created', ...LIST_PARAMS], (call) =>
    listed(call, call.store.events, ['type']),
  ),
  route('GET /events/:id', [], (call) => found(call, call.store.events, 'event', 'id')),
]

function route(verb: string, accepts: string[], run: Route['run']): Route {
  return { verb, accepts: accepts.includes('expand') ? accepts : [...accepts, 'expand'], run }
}

/** One page of a table, filtered by those parameters that have the name of a field. */
function listed<T extends Base>(call: Call, table: Table<T>, filters: (keyof T & string)[]) {
  const isRecent = createdWithin(call.params)
  const rows = table.all().filter((row) => isRecent(row) && filters.every((name) => fits(call, row, name)))
  return listPage(rows, call.params, call.path)
}

function fits<T extends Base>({ params }: Call, row: T, name: keyof T & string): boolean {
  const wanted = text(params, name)
  return wanted === null || String(row[name]) === wanted
}

function found<T extends Base>(call: Call, table: Table<T>, noun: string, param: string): T {
  const row = table.get(call.id)
  if (!row) throw missing(noun, call.id, param)
  return row
}

function sessionOf(call: Call): Session {
  return found(call, call.store.sessions, 'checkout.session', 'session')
}

function subscriptionOf(call: Call) {
  return found(call, call.store.subscriptions, 'subscription', 'id')
}

function invoiceOf(call: Call): Invoice {
  return found(call, call.store.invoices, 'invoice', 'invoice')
}

function createCustomer({ store, events, params, origin }: Call): Customer {
  const base = store.base('cus', 8)
  const of = { email: text(params, 'email'), name: text(params, 'name'), metadata: metadata(params) }
  const made = store.customers.put({ ...customer(base, of), description: text(params, 'description') })
  events.emit('customer.created', made, origin)
  return made
}

/** The one query that Atlas could need: `email:'ada@example.com'`. */
function searchCustomers(call: Call) {
  const [, email] = /^email:\s*["']([^"']*)["']$/.exec(required(call.params, 'query')) ?? []
  if (email === undefined) throw wrong('This simulated account searches customers by email only.', 'query')
  const rows = call.store.customers.all().filter((row) => row.email?.toLowerCase() === email.toLowerCase())
  return { ...listPage(rows, call.params, call.path), object: 'search_result', next_page: null }
}

function listInvoices(call: Call) {
  const { by, invoices } = call.store
  const [subscription, customer] = [text(call.params, 'subscription'), text(call.params, 'customer')]
  const scoped = subscription
    ? by.invoicesOfSubscription.of(subscription)
    : customer && by.invoices.of(customer)
  const isRecent = createdWithin(call.params)
  const rows = (scoped || invoices.all()).filter(
    (row) => isRecent(row) && fits(call, row, 'customer') && fits(call, row, 'status'),
  )
  return listPage(rows, call.params, call.path)
}

export type Matched = { route: Route; id: string }

/** The route that a request takes, and the id in its path. */
export function match(method: string, pathname: string): Matched | undefined {
  const steps = pathname.slice('/v1/'.length).split('/')
  for (const route of ROUTES) {
    const [routeMethod = '', path = ''] = route.verb.split(' ')
    const wanted = path.slice(1).split('/')
    const isSame = wanted.every((step, index) => step === steps[index] || step === ':id')
    if (routeMethod === method && wanted.length === steps.length && isSame) {
      return { route, id: steps[wanted.indexOf(':id')] ?? '' }
    }
  }
  return undefined
}
