import { syncMoney } from '../billing/sync'
import { syncCheckout } from '../checkouts/checkout'
import { reading } from '../db/prepared'
import { organizations, payments, signups, subscriptions } from '../db/schema'
import { followOrganization } from '../lifecycle/follow-money'
import type { Services } from '../services'

/** Looks again at what an event is about; resolves to the signup or organization that it was found to concern. */
type Look = (services: Services, objectId: string) => Promise<string | null>

/** The events that Atlas acts on; each says only which object to look at again. */
const LOOKS: Record<string, Look> = {
  'checkout.session.completed': lookAtCheckout,
  'checkout.session.async_payment_succeeded': lookAtCheckout,
  'checkout.session.async_payment_failed': lookAtCheckout,
  'checkout.session.expired': lookAtCheckout,
  'customer.subscription.created': lookAtSubscription,
  'customer.subscription.updated': lookAtSubscription,
  'customer.subscription.deleted': lookAtSubscription,
  'invoice.paid': lookAtInvoice,
  'invoice.payment_succeeded': lookAtInvoice,
  'invoice.payment_failed': lookAtInvoice,
}

/** What is done about an event of this type; undefined for one that Atlas does not act on. */
export function lookFor(type: string): Look | undefined {
  return Object.hasOwn(LOOKS, type) ? LOOKS[type] : undefined
}

const signupById = reading(signups, 'id')
const subscriptionByStripeId = reading(subscriptions, 'stripeId')
const paymentByInvoice = reading(payments, 'stripeInvoiceId')
const customerById = reading(organizations, 'stripeCustomerId')

async function lookAtCheckout(services: Services, checkoutId: string): Promise<string | null> {
  const { signupId } = await syncCheckout(services, checkoutId)
  const signup = signupById(services.db.read, { id: signupId ?? '' })
  // Money may have moved on between the look at the checkout and the making of the organization.
  if (signup?.organizationId) await lookAtMoney(services, signup.organizationId)
  return signup?.id ?? null
}

async function lookAtSubscription(services: Services, stripeId: string): Promise<string | null> {
  const { db, payments: stripe } = services
  const known = subscriptionByStripeId(db.read, { stripeId })
  const organizationId =
    known?.organizationId ?? organizationOf(services, (await stripe.getSubscription(stripeId)).customerId)
  return lookAtMoney(services, organizationId)
}

async function lookAtInvoice(services: Services, invoiceId: string): Promise<string | null> {
  const { db, payments: stripe } = services
  const known = paymentByInvoice(db.read, { stripeInvoiceId: invoiceId })
  const organizationId =
    known?.organizationId ?? organizationOf(services, (await stripe.getInvoice(invoiceId)).customerId)
  return lookAtMoney(services, organizationId)
}

/** Null for a customer who bought nothing of Atlas, or whose checkout is yet to be looked at: that look sees it all. */
function organizationOf({ db }: Services, customerId: string | null): string | null {
  return customerById(db.read, { stripeCustomerId: customerId ?? '' })?.id ?? null
}

async function lookAtMoney(services: Services, organizationId: string | null): Promise<string | null> {
  if (!organizationId) return null
  await syncMoney(services, organizationId)
  followOrganization(services, organizationId)
  return organizationId
}
