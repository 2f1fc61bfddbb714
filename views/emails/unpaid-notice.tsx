import { type Money, moneyText } from '../components/money'
import type { Email } from './email'
import { operatorNotice } from './operator-notice'

export type UnpaidNoticeProps = {
  /** The organization that owes. */
  name: string
  customerEmail: string | null
  price: Money
  /** UTC milliseconds. */
  suspendsAt: number
  url: string
  /** The colour of the dashboard that it opens, `#rgb` or `#rrggbb`. */
  accent: string
}

/** To the operator: a customer's card was declined, and what becomes of it. */
export function unpaidNotice({
  name,
  customerEmail,
  price,
  suspendsAt,
  url,
  accent,
}: UnpaidNoticeProps): Email {
  const day = new Date(suspendsAt).toISOString().slice(0, 16).replace('T', ' ')
  const whom = customerEmail ? `${name} (${customerEmail})` : name
  return operatorNotice({
    title: `${name} has not paid`,
    message: `Stripe could not collect ${moneyText(price)} from ${whom}. It tries again by itself. What is still unpaid on ${day} UTC is suspended then: nothing is lost, and it comes back as soon as it is paid.`,
    actionLabel: 'Look at the tenant',
    actionUrl: url,
    accent,
  })
}
