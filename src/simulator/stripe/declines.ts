import { missing } from './errors'
import type { Customer } from './objects'
import type { Store } from './store'

/** A customer whose card on file declines: so many charges, or (null) every one until they use another card. */
export type Decline = { id: string; times: number | null }

/** Has the card on file of a customer, named by id or email, decline from its next charge on. */
export function declineFromNow(store: Store, idOrEmail: string, times: number | null): Customer {
  const customer = store.customers.get(idOrEmail) ?? store.customers.find(({ email }) => email === idOrEmail)
  if (!customer) throw missing('customer', idOrEmail, 'customer')
  store.declines.put({ id: customer.id, times })
  return customer
}

/** Whether the card on file declines this charge, which counts. */
export function takeDecline(store: Store, customer: string): boolean {
  const decline = store.declines.get(customer)
  if (!decline) return false
  if (decline.times === null) return true
  if (decline.times <= 1) store.declines.delete(customer)
  else store.declines.put({ ...decline, times: decline.times - 1 })
  return true
}
