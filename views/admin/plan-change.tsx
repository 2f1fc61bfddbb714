import { FieldError } from '../components/field'
import { type Money, moneyText } from '../components/money'
import type { Html } from '../jsx-runtime'
import { AdminHeading, AdminPage, type Operator } from '../layout/admin-page'

/** A plan that a tenant could have, and what that would mean. */
export type PlanOption = {
  id: string
  name: string
  price: Money
  interval: 'month' | 'year'
  /** Null when it can be had, otherwise why not. */
  obstacle: string | null
  /** The server's type with it, and whether that is another than now. */
  serverType: string
  isOtherType: boolean
  /** For how many minutes visitors get no answer. */
  minutes: number
}

export type PlanChangeProps = {
  operator: Operator
  tenant: { id: string; subdomain: string; ownerEmail: string; planName: string; serverType: string | null }
  options: PlanOption[]
  /** The plan that was chosen, and what was wrong with it. */
  value?: string
  error?: string
}

/** Asks to which plan a tenant changes, and says of each what it means. */
export function PlanChangePage({ operator, tenant, options, value, error }: PlanChangeProps): Html {
  const back = { href: `/admin/tenants/${tenant.id}`, label: tenant.subdomain }
  const possible = options.filter(({ obstacle }) => obstacle === null)
  return (
    <AdminPage operator={operator} section="tenants" title={`Change the plan of ${tenant.subdomain}`}>
      <AdminHeading title={`Change the plan of ${tenant.subdomain}`} back={back} />
      <form class="card form undo" method="post" action={`/admin/tenants/${tenant.id}/plan`}>
        <p>
          It has {tenant.planName}
          {tenant.serverType && ` on a ${tenant.serverType}`}. The subscription changes first, the difference
          prorated; then the server. {tenant.ownerEmail} gets a mail with the minutes that it takes.
        </p>
        <fieldset class="field" id="plan" aria-describedby={error ? 'plan-error' : undefined}>
          <legend>Plan</legend>
          <FieldError name="plan" error={error} />
          <div class="choices">
            {options.map((option) => (
              <PlanChoice option={option} isChosen={option.id === (value ?? possible[0]?.id)} />
            ))}
          </div>
        </fieldset>
        {options.length === 0 && <p>There is no other plan of this blueprint.</p>}
        <p class="button-row">
          {possible.length > 0 && (
            <button class="button button-primary" type="submit">
              Change the plan
            </button>
          )}
          <a class="button button-quiet" href={back.href}>
            Keep {tenant.planName}
          </a>
        </p>
      </form>
    </AdminPage>
  )
}

function PlanChoice({ option, isChosen }: { option: PlanOption; isChosen: boolean }): Html {
  const { id, name, price, interval, obstacle } = option
  return (
    <label class="choice" for={`plan-${id}`}>
      <input
        id={`plan-${id}`}
        type="radio"
        name="plan"
        value={id}
        checked={isChosen}
        disabled={obstacle !== null}
        required
      />
      <span class="choice-body">
        <span class="choice-title">{name}</span>
        <span class="muted">{obstacle ?? meaning(option)}</span>
      </span>
      <span class="price">
        {moneyText(price)} <span class="muted">/{interval}</span>
      </span>
    </label>
  )
}

function meaning({ serverType, isOtherType, minutes }: PlanOption): string {
  const time = minutes === 1 ? 'about a minute' : `about ${minutes} minutes`
  return isOtherType
    ? `The server becomes a ${serverType}: visitors get no answer for ${time}.`
    : `The server stays a ${serverType}: visitors get no answer for ${time} while the app starts again.`
}
