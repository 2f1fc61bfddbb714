import { Notice } from '../components/notice'
import { Time } from '../components/time'
import type { Html } from '../jsx-runtime'
import { type Brand, ShopPage } from '../layout/shop-page'
import { PlanPrice, type PlanView, Specs } from '../shop/plan-card'
import { QueueNote } from '../shop/queue-note'

export type CheckoutProps = {
  brand: Brand
  /** The full name of the site, such as `ada.example.com`. */
  address: string
  email: string
  plan: Pick<PlanView, 'name' | 'amount' | 'currency' | 'interval' | 'specs'>
  /** Until when the name is held, in UTC milliseconds; null when it no longer is. */
  heldUntil: number | null
  now: number
  /** Why payment is not done or cannot go on, in a sentence. */
  reason?: string
  /** Where the button posts to. */
  action: string
  /** The signup's form with its values. */
  changeHref: string
  /** Whether new sites wait for room. */
  isQueueing?: boolean
}

/** Between the form and Stripe: the payment is not finished, or could not begin. */
export function CheckoutPage(props: CheckoutProps): Html {
  const { plan } = props
  return (
    <ShopPage brand={props.brand} title="Payment">
      <div class="shop-width narrow section">
        <h1>One step left: payment</h1>
        <p class="lead">Nothing has been charged yet.</p>
        {props.reason && <Notice tone="bad" title={props.reason} />}
        <QueueNote isQueueing={props.isQueueing} />
        <div class="card form">
          <dl class="facts">
            <dt>Site</dt>
            <dd>
              <strong>{props.address}</strong>
            </dd>
            <dt>Email</dt>
            <dd>{props.email}</dd>
            <dt>Plan</dt>
            <dd>
              {plan.name}
              <br />
              <Specs specs={plan.specs} />
            </dd>
            <dt>Price</dt>
            <dd>
              <PlanPrice plan={plan} />
            </dd>
          </dl>
          <form method="post" action={props.action}>
            <button class="button button-primary button-large button-wide" type="submit">
              Continue to payment
            </button>
          </form>
          <p class="form-note">
            <a href={props.changeHref}>Change details</a>
          </p>
        </div>
        <Held {...props} />
      </div>
    </ShopPage>
  )
}

function Held({ heldUntil, now, address }: CheckoutProps): Html {
  if (heldUntil === null || heldUntil <= now) {
    return (
      <p class="muted form-note">
        The name {address} is not held any more. It is checked again when you continue.
      </p>
    )
  }
  return (
    <p class="muted form-note">
      The name is held for you; the hold ends <Time at={heldUntil} now={now} />.
    </p>
  )
}
