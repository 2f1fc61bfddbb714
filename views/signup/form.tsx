import { describedBy, ErrorSummary, Field, FieldError } from '../components/field'
import type { Html } from '../jsx-runtime'
import { type Brand, ShopPage } from '../layout/shop-page'
import { PlanPrice, type PlanView, Specs } from '../shop/plan-card'
import { QueueNote } from '../shop/queue-note'
import { SubdomainHint, type SubdomainHintProps } from './subdomain-hint'

export type SignupFormProps = {
  brand: Brand
  domain: string
  plans: PlanView[]
  /** What was typed, kept. */
  values: { subdomain: string; email: string; plan: string }
  /** What is wrong, by field. */
  errors: { subdomain?: string; email?: string; plan?: string }
  /** What is wrong with no field in particular. */
  problem?: string
  /** The state of the name when it is known already. */
  hint?: SubdomainHintProps
  /** Whether new sites wait for room. */
  isQueueing?: boolean
}

const LABELS = { subdomain: 'Name', email: 'Email', plan: 'Plan' }

/** The signup: name, email and plan. Posts to `/signup`. */
export function SignupFormPage(props: SignupFormProps): Html {
  const wrong = Object.values(props.errors).some(Boolean) || props.problem
  const title = wrong ? 'Error: your site' : 'Your site'
  return (
    <ShopPage brand={props.brand} title={title}>
      <div class="shop-width narrow section">
        <h1>Set up your site</h1>
        <p class="lead">Choose its name and plan. You pay on the next page.</p>
        <QueueNote isQueueing={props.isQueueing} />
        <ErrorSummary errors={props.errors} labels={LABELS} problem={props.problem} />
        <form class="form card" method="post" action="/signup" novalidate>
          <SubdomainField {...props} />
          <EmailField {...props} />
          <PlanField {...props} />
          <button class="button button-primary button-large button-wide" type="submit">
            Continue to payment
          </button>
          <p class="muted form-note">
            The name is held for you while you pay. Nothing is charged before that.
          </p>
        </form>
      </div>
    </ShopPage>
  )
}

function SubdomainField({ domain, values, errors, hint }: SignupFormProps): Html {
  return (
    <div class={['field', errors.subdomain !== undefined && 'field-wrong']}>
      <label for="subdomain">Name of your site</label>
      <div class="input-group">
        <input
          id="subdomain"
          name="subdomain"
          type="text"
          value={values.subdomain}
          required
          maxlength={63}
          autocomplete="off"
          autocapitalize="none"
          autocorrect="off"
          spellcheck="false"
          aria-invalid={errors.subdomain !== undefined}
          aria-describedby={describedBy('subdomain', { hint: true, error: errors.subdomain })}
          hx-get="/signup/subdomain"
          hx-trigger="input changed delay:300ms"
          hx-target="#subdomain-hint"
          hx-sync="this:replace"
        />
        <span class="input-suffix">.{domain}</span>
      </div>
      <FieldError name="subdomain" error={errors.subdomain} />
      <p class="field-live" id="subdomain-hint" role="status">
        {errors.subdomain === undefined && <SubdomainHint {...(hint ?? { state: 'idle', domain })} />}
      </p>
    </div>
  )
}

function EmailField({ values, errors }: SignupFormProps): Html {
  return (
    <Field
      name="email"
      label="Email"
      hint="The address of your site and everything about it goes here."
      error={errors.email}
    >
      <input
        id="email"
        name="email"
        type="email"
        value={values.email}
        required
        maxlength={254}
        autocomplete="email"
        aria-invalid={errors.email !== undefined}
        aria-describedby={describedBy('email', { hint: true, error: errors.email })}
      />
    </Field>
  )
}

function PlanField({ plans, values, errors }: SignupFormProps): Html {
  return (
    <fieldset
      class={['field', errors.plan !== undefined && 'field-wrong']}
      id="plan"
      aria-describedby={describedBy('plan', { error: errors.plan })}
    >
      <legend>Plan</legend>
      <FieldError name="plan" error={errors.plan} />
      <div class="choices">
        {plans.map((plan) => (
          <label class="choice" for={`plan-${plan.key}`}>
            <input
              id={`plan-${plan.key}`}
              type="radio"
              name="plan"
              value={plan.key}
              checked={plan.key === values.plan}
              required
            />
            <span class="choice-body">
              <span class="choice-title">{plan.name}</span>
              <Specs specs={plan.specs} />
            </span>
            <PlanPrice plan={plan} />
          </label>
        ))}
      </div>
    </fieldset>
  )
}
