import { reading } from '../db/prepared'
import { organizations } from '../db/schema'
import { asAtlasError, notFound } from '../errors'
import type { Invoice, PaidSubscription } from '../providers/payments'
import type { Services } from '../services'
import { inTurn } from './in-turn'
import { currentOf, mirrorPayment, mirrorSubscription, subscriptionOf } from './mirror'

/**
 * Makes an organization's subscription and payments equal to what Stripe has now, all of them: it does not matter
 * which event said so, how often, in which order, or which ones never came. Throws `not_found`, `unavailable`.
 */
export function syncMoney(services: Services, organizationId: string): Promise<void> {
  const { db, clock } = services
  return inTurn(db, organizationId, async () => {
    const { subscriptions, invoices } = await askStripe(services, organizationId)
    const current = currentOf(subscriptions)
    db.write((tx) => {
      const nowMs = clock.now()
      const known = subscriptionOf(tx, organizationId)
      for (const invoice of invoices) mirrorPayment(tx, organizationId, invoice, nowMs)
      if (current && known) mirrorSubscription(tx, services, organizationId, current, known.planId, nowMs)
    })
  })
}

type Money = { subscriptions: PaidSubscription[]; invoices: Invoice[] }

const organizationById = reading(organizations, 'id')

async function askStripe({ db, payments: stripe }: Services, organizationId: string): Promise<Money> {
  const organization = organizationById(db.read, { id: organizationId })
  if (!organization?.stripeCustomerId) throw notFound('There is no such customer.')
  const known = subscriptionOf(db.read, organizationId)
  // A customer who was deleted at Stripe may have no lists any more, but the subscription still tells that it ended.
  const ofRow = async () => (known ? [await stripe.getSubscription(known.stripeId)] : [])
  try {
    const subscriptions = await stripe.listSubscriptions(organization.stripeCustomerId)
    const invoices = await stripe.listInvoices(organization.stripeCustomerId)
    return { subscriptions: subscriptions.length > 0 ? subscriptions : await ofRow(), invoices }
  } catch (thrown) {
    if (asAtlasError(thrown).code !== 'not_found' || !known) throw thrown
    return { subscriptions: await ofRow(), invoices: [] }
  }
}
