import { eq } from 'drizzle-orm'
import { currentOf, isEnded, isMirrored, type SubscriptionRow } from '../billing/mirror'
import { syncMoney } from '../billing/sync'
import { prepared, reading } from '../db/prepared'
import { organizations, payments, subscriptions } from '../db/schema'
import { followOrganization } from '../lifecycle/follow-money'
import type { PaidSubscription } from '../providers/payments'
import type { Services } from '../services'

const paymentOf = reading(payments, 'stripeInvoiceId')
const everySubscription = prepared((db) =>
  db
    .select()
    .from(subscriptions)
    .innerJoin(organizations, eq(organizations.id, subscriptions.organizationId))
    .prepare(),
)

/**
 * Finds what events should have told and did not: asks Stripe for all that is live, and looks again at every
 * organization whose rows say something else. Throws `unavailable`.
 */
export async function refetchMoney(services: Services): Promise<void> {
  const { db, log, payments: stripe } = services
  const live = Map.groupBy(await stripe.listLiveSubscriptions(), ({ customerId }) => customerId)
  const known = everySubscription(db.read).all()
  const behind = known.filter(({ subscriptions: row, organizations: { stripeCustomerId } }) =>
    isBehind(services, row, currentOf(live.get(stripeCustomerId ?? '') ?? [])),
  )
  for (const { organizations: organization } of behind) {
    try {
      await syncMoney(services, organization.id)
      followOrganization(services, organization.id)
    } catch (thrown) {
      log.error('an organization’s money could not be looked at', thrown, { organization: organization.id })
    }
  }
  if (behind.length > 0) log.info('rows were behind Stripe', { organizations: behind.length })
}

function isBehind({ db }: Services, row: SubscriptionRow, current: PaidSubscription | undefined): boolean {
  if (!current) return !isEnded(row)
  if (!isMirrored(row, current)) return true
  const payment = current.latestPayment
  if (!payment) return false
  return paymentOf(db.read, { stripeInvoiceId: payment.invoiceId })?.status !== payment.status
}
