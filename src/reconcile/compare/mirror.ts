import type { PaidSubscription } from '../../providers/payments'
import type { KnownSubscription } from '../known'
import { hasEnded } from './sales'

/** What Stripe says of a subscription and our row does not, in words; null when they agree. */
export function whatDiffers(
  mirror: KnownSubscription | undefined,
  current: PaidSubscription | undefined,
): string | null {
  if (!mirror) return current ? `Stripe has ${current.id}, Atlas has none` : null
  if (!current)
    return hasEnded(mirror.status) ? null : `it has ended at Stripe; Atlas has it as ${mirror.status}`
  if (mirror.stripeId !== current.id) return `Stripe’s latest is ${current.id}; Atlas has ${mirror.stripeId}`
  const changed = NAMES.filter((name) => !isOld(mirror, name) && mirror[name] !== current[name])
  if (changed.length === 0) return null
  return changed
    .map((name) => `${WORDS[name]} ${worded(current[name])}, not ${worded(mirror[name])}`)
    .join('; ')
}

const NAMES = [
  'status',
  'priceId',
  'amount',
  'currency',
  'interval',
  'currentPeriodEnd',
  'cancelAtPeriodEnd',
  'unpaidSince',
] as const
type Name = (typeof NAMES)[number]

/** A row from before Atlas kept the sum does not contradict it. */
function isOld(mirror: KnownSubscription, name: Name): boolean {
  return (name === 'amount' || name === 'currency' || name === 'interval') && mirror[name] === null
}

const WORDS: Record<Name, string> = {
  status: 'status',
  priceId: 'price',
  amount: 'amount',
  currency: 'currency',
  interval: 'interval',
  currentPeriodEnd: 'paid until',
  cancelAtPeriodEnd: 'ends with its period:',
  unpaidSince: 'unpaid since',
}

/** Amounts are far below this; moments far above. */
const MOMENT_MIN = 1e11

function worded(value: string | number | boolean | null): string {
  if (value === null) return 'never'
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  const isMoment = typeof value === 'number' && value > MOMENT_MIN
  return isMoment ? `${new Date(value).toISOString().slice(0, 16).replace('T', ' ')} UTC` : String(value)
}
