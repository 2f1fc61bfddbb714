import type { Subscription, SubscriptionItem } from './billing'
import { amountWords } from './money'
import type { Metadata, Price } from './objects'

export type InvoiceLine = ReturnType<typeof periodLine> | ReturnType<typeof prorationLine>

type Names = { id: string; product: string }

/** What a subscription's item costs for its present period. */
export function periodLine({ id, product }: Names, subscription: Subscription, item: SubscriptionItem) {
  const { unit_amount, currency, recurring } = item.price
  const each = `${amountWords(unit_amount, currency)} / ${recurring.interval}`
  return {
    ...line(id, subscription, item.price, unit_amount, `1 × ${product} (at ${each})`),
    discountable: true,
    parent: {
      invoice_item_details: null,
      subscription_item_details: {
        invoice_item: null,
        proration: false,
        proration_details: { credited_items: null },
        subscription: subscription.id,
        subscription_item: item.id,
      },
      type: 'subscription_item_details' as const,
    },
    period: { end: item.current_period_end, start: item.current_period_start },
  }
}

/** A share of a price for what is left of a period: owed for the new one, given back for the old one. */
export function prorationLine(
  { id, invoiceItem, description }: { id: string; invoiceItem: string; description: string },
  subscription: Subscription,
  price: Price,
  amount: number,
  period: { end: number; start: number },
) {
  return {
    ...line(id, subscription, price, amount, description),
    discountable: false,
    parent: {
      invoice_item_details: {
        invoice_item: invoiceItem,
        proration: true,
        proration_details: { credited_items: null },
        subscription: subscription.id,
      },
      subscription_item_details: null,
      type: 'invoice_item_details' as const,
    },
    period,
  }
}

function line(id: string, of: Subscription, price: Price, amount: number, description: string) {
  return {
    id,
    object: 'line_item' as const,
    amount,
    currency: price.currency,
    description,
    discount_amounts: [] as never[],
    discounts: [] as string[],
    invoice: null as string | null,
    livemode: false,
    metadata: of.metadata as Metadata,
    pretax_credit_amounts: [] as never[],
    pricing: {
      price_details: { price: price.id, product: price.product },
      type: 'price_details' as const,
      unit_amount_decimal: String(amount),
    },
    quantity: 1,
    quantity_decimal: '1',
    subscription: of.id,
    subtotal: amount,
    taxes: [] as never[],
  }
}
