import type { Clock } from '../src/clock'
import { notFound, unavailable } from '../src/errors'
import type { Checkout, CheckoutRequest, PaidSubscription, Payments, Price } from '../src/providers/payments'

const AMOUNTS: Record<string, number> = { price_starter: 2900, price_pro: 7900 }
const MONTH_MS = 30 * 86_400_000

/** Stripe as far as the contract goes, in memory; webhooks are verified by the real client. */
export class StagePayments implements Payments {
  /** How often each method was called. */
  readonly calls: string[] = []
  /** Whether Stripe can be reached. */
  isDown = false
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

  async getSubscription(): Promise<PaidSubscription> {
    throw notFound('There is no such subscription.')
  }

  async listSubscriptions(): Promise<PaidSubscription[]> {
    return []
  }

  async getPrice(priceId: string): Promise<Price> {
    this.call('getPrice')
    const amount = AMOUNTS[priceId]
    if (amount === undefined) throw notFound('There is no such price.')
    return { id: priceId, amount, currency: 'usd', interval: 'month' }
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
    const number = open.id.slice('cs_test_'.length)
    const customerId = `cus_${number}`
    Object.assign(open, {
      status: 'complete',
      paymentStatus: 'paid',
      customerId,
      url: null,
      subscription: {
        id: `sub_${number}`,
        customerId,
        status: 'active',
        priceId: open.request.priceId,
        currentPeriodEnd: this.clock.now() + MONTH_MS,
        cancelAtPeriodEnd: false,
      },
      payment: {
        invoiceId: `in_${number}`,
        amount: open.amountTotal,
        currency: 'usd',
        status: 'paid',
        paidAt: this.clock.now(),
      },
      ...change,
    })
    return open.id
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
