import type Stripe from 'stripe'
import type { Invoice, Payment } from '../payments'
import { everyPage } from './pages'
import { atMs, idOf } from './words'

export async function getInvoice(stripe: Stripe, id: string): Promise<Invoice> {
  return invoiceOf(await stripe.invoices.retrieve(id))
}

export async function listInvoices(stripe: Stripe, customer: string): Promise<Invoice[]> {
  const all = await everyPage(stripe.invoices.list({ customer, limit: 100 }))
  return all.filter(({ status }) => status !== 'draft').map(invoiceOf)
}

function invoiceOf(invoice: Stripe.Invoice): Invoice {
  return {
    ...paymentOf(invoice),
    customerId: idOf(invoice.customer),
    subscriptionId: subscriptionOf(invoice),
  }
}

/** Since 2025 an invoice names its subscription under `parent`. */
export function subscriptionOf({ parent }: Stripe.Invoice): string | null {
  return idOf(parent?.subscription_details?.subscription ?? null)
}

export function paymentOf(invoice: Stripe.Invoice): Payment {
  return {
    invoiceId: invoice.id,
    amount: invoice.total,
    currency: invoice.currency,
    status: paymentStatus(invoice),
    paidAt: atMs(invoice.status_transitions.paid_at),
  }
}

/** An open invoice that was tried is one whose card failed; Stripe tries again by itself. */
function paymentStatus({ status, attempted }: Stripe.Invoice): Payment['status'] {
  if (status === 'paid') return 'paid'
  if (status === 'draft' || (status === 'open' && !attempted)) return 'open'
  return 'failed'
}
