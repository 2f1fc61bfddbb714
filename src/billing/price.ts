import { getPlan } from '../catalog/plans'
import { conflict } from '../errors'
import type { Services } from '../services'

/** A price at Stripe that is not the plan's must be noticed before a customer is charged. Throws `conflict`. */
export async function refuseOtherPrice(
  { db, catalog, payments: stripe }: Services,
  planId: string,
): Promise<void> {
  const plan = getPlan(db.read, planId)
  const price = await stripe.getPrice(catalog.plan(plan.id).priceId)
  if (price.amount === plan.amount && price.currency === plan.currency && price.interval === plan.interval)
    return
  throw conflict(`The price at Stripe is not that of the plan ${plan.id}. Correct one of the two.`)
}
