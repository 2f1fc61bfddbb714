import { Check } from '../components/icons'
import { moneyText } from '../components/money'
import type { Html } from '../jsx-runtime'

/** A plan of the blueprint as the shop shows it; `amount` in minor units. */
export type PlanView = {
  key: string
  name: string
  amount: number
  currency: string
  interval: 'month' | 'year'
  summary?: string
  /** What it runs on and how much it may use: '3 shared vCPU', '4 GB memory', ... */
  specs: string[]
  /** What else comes with it. */
  features: string[]
  recommended?: boolean
}

/** A plan to choose on the landing page. */
export function PlanCard({ plan }: { plan: PlanView }): Html {
  return (
    <article
      class={['plan', plan.recommended === true && 'plan-recommended']}
      aria-labelledby={`plan-${plan.key}`}
    >
      <div class="plan-head">
        <h3 id={`plan-${plan.key}`}>{plan.name}</h3>
        {plan.recommended && <span class="tag">Recommended</span>}
      </div>
      {plan.summary && <p class="muted">{plan.summary}</p>}
      <PlanPrice plan={plan} />
      <a class="button button-primary button-wide" href={`/signup?plan=${encodeURIComponent(plan.key)}`}>
        Choose {plan.name}
      </a>
      <ul class="plan-specs plain">
        {plan.specs.map((spec) => (
          <li>{spec}</li>
        ))}
      </ul>
      {plan.features.length > 0 && (
        <ul class="plan-features plain">
          {plan.features.map((feature) => (
            <li>
              <Check />
              <span>{feature}</span>
            </li>
          ))}
        </ul>
      )}
    </article>
  )
}

/** '$29 /month', the amount large. */
export function PlanPrice({ plan }: { plan: Pick<PlanView, 'amount' | 'currency' | 'interval'> }): Html {
  return (
    <p class="price">
      <span class="price-amount">{moneyText(plan)}</span> <span class="muted">/{plan.interval}</span>
    </p>
  )
}

/** What a plan runs on, in a line that breaks between two facts only. */
export function Specs({ specs }: { specs: string[] }): Html {
  return (
    <span class="muted">
      {specs.map((spec, i) => (
        <>
          <span class="nowrap">{i < specs.length - 1 ? `${spec},` : spec}</span>{' '}
        </>
      ))}
    </span>
  )
}
