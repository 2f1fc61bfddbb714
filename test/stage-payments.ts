import type { Clock } from '../src/clock'
import { notFound, unavailable } from '../src/errors'
import type {
  Checkout,
  CheckoutRequest,
  Invoice,
  PaidSubscription,
  Payments,
  Price,
} from '../src/providers/payments'

const AMOUNTS: Record<string, number> = { price_starter: 2900, price_pro: 7900 }
const MONTH_MS = 30 * 86_400_000

/** Stripe as far as the contract goes, in memory; webhooks are verified by the real client. */
export class StagePayments implements Payments {
  /** How often each method was called. */
  readonly calls: string[] = []
  /** Whether Stripe can be reached. */
  isDown = false
  /** What was sold, by id; a test may change it as Stripe or a customer would. */
  readonly subscriptions = new Map<string, PaidSubscription>()
  readonly invoices = new Map<string, Invoice>()
  private readonly checkouts = new Map<string, Checkout & { request: CheckoutRequest }>()

  constructor(
    private readonly clock: Clock,
    private readonly client: Pick<Payments, 'verifyWebhook'>,
  ) {}

  async createCheckout(request: CheckoutRequest): Promise<Checkout> {
    this.call('createCheckout')
    const known = [...this.checkouts.values()].find(
      (one) => one.request.idempotencyKey === request.idempotencyKey,
    )
    if (known) return known
    const id = `cs_test_${this.checkouts.size + 1}`
    const checkout: Checkout = {
      id,
      status: 'open',
      paymentStatus: 'unpaid',
      url: `https://checkout.stripe.com/c/pay/${id}`,
      expiresAt: request.expiresAt,
      signupId: request.signupId,
      customerId: null,
      email: request.email,
      amountTotal: AMOUNTS[request.priceId] ?? 0,
      currency: 'usd',
      livemode: false,
      subscription: null,
      payment: null,
    }
    this.checkouts.set(id, { ...checkout, request })
    return checkout
  }

  async getCheckout(checkoutId: string): Promise<Checkout> {
    this.call('getCheckout')
    return this.find(checkoutId)
  }

  async expireCheckout(checkoutId: string): Promise<void> {
    this.call('expireCheckout')
    const checkout = this.find(checkoutId)
    if (checkout.status === 'open') checkout.status = 'expired'
  }

  async getSubscription(id: string): Promise<PaidSubscription> {
    this.call('getSubscription')
    return this.subscription(id)
  }

  async listSubscriptions(customerId: string): Promise<PaidSubscription[]> {
    this.call('listSubscriptions')
    const theirs = [...this.subscriptions.values()].filter((one) => one.customerId === customerId)
    return theirs.toReversed().sort((a, b) => b.createdAt - a.createdAt)
  }

  async listLiveSubscriptions(): Promise<PaidSubscription[]> {
    this.call('listLiveSubscriptions')
    return [...this.subscriptions.values()].filter(({ status }) => status !== 'canceled')
  }

  async changePrice(id: string, priceId: string): Promise<PaidSubscription> {
    this.call('changePrice')
    const { amount, currency, interval } = priceOf(priceId)
    return this.changeSubscription(id, { priceId, amount, currency, interval })
  }

  async cancelSubscription(id: string): Promise<PaidSubscription> {
    this.call('cancelSubscription')
    const { canceledAt } = this.subscription(id)
    return this.changeSubscription(id, { status: 'canceled', canceledAt: canceledAt ?? this.clock.now() })
  }

  async getInvoice(id: string): Promise<Invoice> {
    this.call('getInvoice')
    const invoice = this.invoices.get(id)
    if (!invoice) throw notFound('There is no such invoice.')
    return invoice
  }

  async listInvoices(customerId: string): Promise<Invoice[]> {
    this.call('listInvoices')
    return [...this.invoices.values()].filter((one) => one.customerId === customerId).toReversed()
  }

  async getPrice(priceId: string): Promise<Price> {
    this.call('getPrice')
    return priceOf(priceId)
  }

  verifyWebhook(rawBody: string, signature: string, nowMs: number) {
    return this.client.verifyWebhook(rawBody, signature, nowMs)
  }

  /** The customer pays the open checkout of a signup; returns the checkout's id. */
  pay(signupId: string, change: Partial<Checkout> = {}): string {
    const open = [...this.checkouts.values()].find(
      (one) => one.signupId === signupId && one.status === 'open',
    )
    if (!open) throw new Error('this signup has no open checkout')
    const { subscription, invoice } = this.sell(open)
    Object.assign(open, {
      status: 'complete',
      paymentStatus: 'paid',
      customerId: subscription.customerId,
      url: null,
      subscription,
      payment: subscription.latestPayment,
      ...change,
    })
    this.subscriptions.set(subscription.id, subscription)
    this.invoices.set(invoice.invoiceId, invoice)
    return open.id
  }

  /** Changes a subscription as Stripe or its customer would, such as to `past_due`. */
  changeSubscription(id: string, change: Partial<PaidSubscription>): PaidSubscription {
    const changed = { ...this.subscription(id), ...change }
    this.subscriptions.set(id, changed)
    return changed
  }

  private sell({ id, request }: Checkout & { request: CheckoutRequest }) {
    const number = id.slice('cs_test_'.length)
    const now = this.clock.now()
    const { amount, currency, interval } = priceOf(request.priceId)
    const payment = { invoiceId: `in_${number}`, amount, currency, status: 'paid' as const, paidAt: now }
    const subscription: PaidSubscription = {
      id: `sub_${number}`,
      customerId: `cus_${number}`,
      status: 'active',
      priceId: request.priceId,
      currentPeriodEnd: now + MONTH_MS,
      cancelAtPeriodEnd: false,
      amount,
      currency,
      interval,
      unpaidSince: null,
      latestPayment: payment,
      canceledAt: null,
      signupId: request.signupId,
      createdAt: now,
    }
    const invoice = { ...payment, customerId: subscription.customerId, subscriptionId: subscription.id }
    return { subscription, invoice }
  }

  private subscription(id: string): PaidSubscription {
    const subscription = this.subscriptions.get(id)
    if (!subscription) throw notFound('There is no such subscription.')
    return subscription
  }

  private find(checkoutId: string) {
    const checkout = this.checkouts.get(checkoutId)
    if (!checkout) throw notFound('There is no such checkout.')
    return checkout
  }

  private call(name: string): void {
    this.calls.push(name)
    if (this.isDown) throw unavailable('Stripe cannot be reached.', { outcome: 'refused' })
  }
}

function priceOf(id: string): Price {
  const amount = AMOUNTS[id]
  if (amount === undefined) throw notFound('There is no such price.')
  return { id, amount, currency: 'usd', interval: 'month' }
}
