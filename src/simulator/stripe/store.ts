import type { World } from '../world'
import type { Subscription } from './billing'
import type { Charge } from './charge'
import type { Decline } from './declines'
import type { Event } from './events'
import type { Invoice, InvoicePayment } from './invoice'
import {
  type Base,
  type Customer,
  price as makePrice,
  product as makeProduct,
  type Price,
  type Product,
} from './objects'
import { Owned } from './owned'
import type { PaymentIntent } from './payment-intent'
import type { PaymentMethod } from './payment-method'
import type { PendingLine } from './proration'
import type { Session } from './session'

export type SeedPrice = {
  id: string
  amount: number
  currency: string
  interval: Price['recurring']['interval']
  productName: string
}

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const SERIAL_DIGITS = 6

const SUBSCRIPTIONS = 'stripe_subscriptions'
const INVOICES = 'stripe_invoices'
const INVOICE_PAYMENTS = 'stripe_invoice_payments'
const PENDING_LINES = 'stripe_pending_lines'

/** Everything the simulated account holds, and how its ids and times are made. */
export class Store {
  readonly customers
  readonly products
  readonly prices
  readonly sessions
  readonly subscriptions
  readonly invoices
  readonly invoicePayments
  readonly intents
  readonly charges
  readonly methods
  readonly events
  /** Prorations that wait for the next invoice. */
  readonly pending
  /** Cards on file that decline, by customer. */
  readonly declines

  constructor(
    readonly world: World,
    private readonly now = () => world.now(),
    readonly by = indexes(world),
  ) {
    this.customers = world.table<Customer>('stripe_customers')
    this.products = world.table<Product>('stripe_products')
    this.prices = world.table<Price>('stripe_prices')
    this.sessions = world.table<Session>('stripe_sessions')
    this.subscriptions = world.table<Subscription>(SUBSCRIPTIONS)
    this.invoices = world.table<Invoice>(INVOICES)
    this.invoicePayments = world.table<InvoicePayment>(INVOICE_PAYMENTS)
    this.intents = world.table<PaymentIntent>('stripe_payment_intents')
    this.charges = world.table<Charge>('stripe_charges')
    this.methods = world.table<PaymentMethod>('stripe_payment_methods')
    this.events = world.table<Event>('stripe_events')
    this.pending = world.table<PendingLine>(PENDING_LINES)
    this.declines = world.table<Decline>('stripe_declines')
  }

  /** The world's time as Stripe tells it, in seconds. */
  seconds(): number {
    return Math.floor(this.now() / 1000)
  }

  /** The same account as it was used at a moment of the past. */
  at(ms: number): Store {
    return new Store(this.world, () => ms, this.by)
  }

  /** A new object's id and time; ids of one kind sort by age, as Stripe's do. */
  base(prefix: string, noiseDigits = 18): Base {
    return { id: this.id(prefix, noiseDigits), created: this.seconds() }
  }

  id(prefix: string, noiseDigits = 18): string {
    let serial = ''
    let rest = this.world.nextNumber('stripe')
    for (; serial.length < SERIAL_DIGITS; rest = Math.floor(rest / 62)) serial = BASE62[rest % 62] + serial
    let noise = ''
    while (noise.length < noiseDigits) noise += BASE62[Math.floor(this.world.random() * 62)]
    return `${prefix}_${serial}${noise}`
  }

  /** Any object that an id may name in `expand[]`. */
  object(id: string): Base | undefined {
    const tables = [this.customers, this.products, this.prices, this.sessions, this.subscriptions]
    const money = [this.invoices, this.intents, this.charges, this.methods]
    for (const table of [...tables, ...money]) {
      const found = table.get(id)
      if (found) return found
    }
    return undefined
  }

  /** Makes the account's prices and their products as configured; what was sold stays as it was. */
  seed(prices: SeedPrice[]): void {
    for (const wanted of prices) {
      const known = this.prices.get(wanted.id)
      const created = known?.created ?? this.seconds()
      const product = this.seedProduct(wanted.productName, created)
      this.prices.put(makePrice({ id: wanted.id, created }, { ...wanted, product: product.id }))
    }
  }

  private seedProduct(name: string, created: number): Product {
    const known = this.products.find((product) => product.name === name)
    return known ?? this.products.put(makeProduct({ id: this.id('prod', 8), created }, name))
  }
}

/** What belongs to whom, so that nothing looks at ten thousand customers to find one. */
function indexes(world: World) {
  const invoices = world.table<Invoice>(INVOICES)
  return {
    subscriptions: new Owned(world.table<Subscription>(SUBSCRIPTIONS), ({ customer }) => customer),
    invoices: new Owned(invoices, ({ customer }) => customer),
    invoicesOfSubscription: new Owned(invoices, (one) => one.parent.subscription_details.subscription),
    invoicePayments: new Owned(world.table<InvoicePayment>(INVOICE_PAYMENTS), ({ invoice }) => invoice),
    pending: new Owned(world.table<PendingLine>(PENDING_LINES), ({ subscription }) => subscription),
  }
}
