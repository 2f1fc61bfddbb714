import type { StripeTwin } from '../stripe'
import type { Subscription } from '../stripe/billing'
import type { World } from '../world'

/** How the control page lets something happen to a subscription. */
export type MoneyControl = Pick<
  StripeTwin,
  'failNextCharge' | 'payOpenInvoice' | 'renewNow' | 'cancelByCustomer'
>

/** What a customer or their bank can do, by the noun in the address. */
const MOVES = {
  decline: (stripe: MoneyControl, { customer }: Subscription) => stripe.failNextCharge(customer),
  payment: (stripe: MoneyControl, { id }: Subscription) => stripe.payOpenInvoice(id),
  renewal: (stripe: MoneyControl, { id }: Subscription) => stripe.renewNow(id),
  cancellation: (stripe: MoneyControl, { id }: Subscription) => stripe.cancelByCustomer(id),
}

export type MoneyMove = keyof typeof MOVES

/** Whether there is such a move. */
export function isMoneyMove(noun: string | undefined): noun is MoneyMove {
  return noun !== undefined && Object.hasOwn(MOVES, noun)
}

/** Lets it happen; null when there is no such subscription, or it has ended. */
export function moveMoney(
  { world, stripe }: { world: World; stripe: MoneyControl },
  id: string,
  move: MoneyMove,
): Subscription | null {
  const subscriptions = world.table<Subscription>('stripe_subscriptions')
  const known = subscriptions.get(id)
  if (!known || known.status === 'canceled') return null
  MOVES[move](stripe, known)
  return subscriptions.get(id) ?? null
}
