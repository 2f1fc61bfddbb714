import type { Money } from '../../billing/money'
import type { PaidSubscription, Price } from '../../providers/payments'
import { type Difference, difference, type Findings } from '../difference'
import { type Ground, monthlyOf } from '../ground'
import type { Offer } from '../known'
import { isPaying } from './sales'

/** Plans whose price at Stripe is another one, and customers who pay something else than their plan's price. */
export function* comparePrices(ground: Ground): Findings {
  for (const offer of ground.known.offers) yield priceDiffers(ground, offer)
  yield* amountsDiffer(ground)
}

function priceDiffers({ snapshot }: Ground, { id, priceId, plan }: Offer): Difference | null {
  const price = snapshot.prices.get(priceId)
  if (price === undefined || isSame(price, plan.price)) return null
  const found = {
    kind: 'price_differs' as const,
    tenantId: null,
    externalId: priceId,
    facts: {
      plan: plan.name,
      price: priceId,
      variable: plan.priceVariable,
      amount: plan.price.amount,
      currency: plan.price.currency,
      interval: plan.price.interval,
      stripeAmount: price?.amount ?? null,
      stripeCurrency: price?.currency ?? null,
      stripeInterval: price?.interval ?? null,
    },
    remedy: null,
    monthly: null,
  }
  return difference(found, id)
}

function isSame(price: Price | null, wanted: Offer['plan']['price']): boolean {
  if (price === null) return false
  const { amount, currency, interval } = price
  return amount === wanted.amount && currency === wanted.currency && interval === wanted.interval
}

/** One finding for all who pay the same other sum for a plan: after a rise in price there may be thousands. */
function* amountsDiffer(ground: Ground): Findings {
  const sums = new Map<string, { offer: Offer; sale: PaidSubscription; customers: number }>()
  for (const sale of ground.snapshot.subscriptions) {
    yield null
    const offer = ground.offers.get(ground.mirrorByStripeId.get(sale.id)?.planId ?? '')
    if (!offer || !isPaying(sale) || isSame({ ...sale, id: sale.priceId }, offer.plan.price)) continue
    const key = [offer.id, sale.amount, sale.currency, sale.interval].join(':')
    const sum = sums.get(key) ?? { offer, sale, customers: 0 }
    sums.set(key, { ...sum, customers: sum.customers + 1 })
  }
  for (const [key, { offer, sale, customers }] of sums) {
    const { amount, currency, interval } = sale
    const facts = {
      plan: offer.plan.name,
      customers,
      amount: offer.plan.price.amount,
      currency: offer.plan.price.currency,
      interval: offer.plan.price.interval,
      paidAmount: amount,
      paidCurrency: currency,
      paidInterval: interval,
    }
    const monthly = less(monthlyOf(offer.plan.price), monthlyOf(sale), customers)
    const found = { kind: 'amount_differs' as const, tenantId: null, externalId: sale.priceId, facts }
    yield difference({ ...found, remedy: null, monthly }, key)
  }
}

/** What all of them together pay less than the plan's price; null when it is more, or in another currency. */
function less(wanted: Money | null, paid: Money | null, customers: number): Money | null {
  if (!wanted || !paid || wanted.currency !== paid.currency || paid.amount >= wanted.amount) return null
  return { amount: (wanted.amount - paid.amount) * customers, currency: wanted.currency }
}
