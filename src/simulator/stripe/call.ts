import type { Params } from './form'
import type { Scene } from './invoicing'

/** One call of the API: what was asked, by which request, of which account. */
export type Call = Scene & {
  params: Params
  /** The id in the path; empty when there is none. */
  id: string
  /** The path as Stripe sees it, such as `/v1/customers`. */
  path: string
}
