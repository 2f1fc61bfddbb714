import { describedBy, ErrorSummary, Field } from '../components/field'
import { Notice } from '../components/notice'
import { Time } from '../components/time'
import type { Child, Html } from '../jsx-runtime'
import { AdminHeading, AdminPage, type Operator } from '../layout/admin-page'
import { DeployPlan, type PlanView } from './deploy-plan'

/** What is written into the form; empty is as usual. */
export type DeployForm = {
  blueprint: string
  tag: string
  notes: string
  migration: string
  /** `yes`, `no`, or empty: only before a release without a way back. */
  backup: string
  waves: string
  canaries: string
  concurrency: string
  bake_minutes: string
  stop_failures: string
  stop_percent: string
}

export type DeployProps = {
  operator: Operator
  /** What has tenants to be deployed to. */
  blueprints: { name: string; tenants: number }[]
  form: DeployForm
  /** What stands for an empty field. */
  usual: Pick<DeployForm, 'waves' | 'concurrency' | 'bake_minutes' | 'stop_failures' | 'stop_percent'>
  errors: Record<string, string | undefined>
  /** What is wrong that no field is to blame for. */
  problem?: string
  plan: PlanView | null
  /** The rollouts that hold a fleet; times in UTC milliseconds. */
  holders: { id: string; tag: string; blueprint: string; by: string; since: number }[]
  now: number
}

const LABELS: Record<keyof DeployForm, string> = {
  blueprint: 'Blueprint',
  tag: 'Tag',
  notes: 'Notes',
  migration: 'Migration',
  backup: 'Backup first',
  waves: 'Waves',
  canaries: 'Canaries',
  concurrency: 'At a time',
  bake_minutes: 'Watch each wave',
  stop_failures: 'Stop at failures',
  stop_percent: 'Stop at percent',
}

const MIGRATIONS = [
  { value: '', label: 'As releases.yaml says' },
  { value: 'none', label: 'Leaves the data as it is' },
  { value: 'reversible', label: 'Can be taken back' },
  { value: 'expand', label: 'Only adds: the former release lives with it' },
  { value: 'contract', label: 'More than that: there is no way back' },
]
const BACKUPS = [
  { value: '', label: 'Only before a release without a way back' },
  { value: 'yes', label: 'Back each tenant up first' },
  { value: 'no', label: 'No backup' },
]

/** Which release goes to the fleet, and how; then what would happen. */
export function DeployPage(props: DeployProps): Html {
  const { operator, errors, problem, plan } = props
  const isWrong = problem !== undefined || Object.values(errors).some((error) => error)
  return (
    <AdminPage
      operator={operator}
      section="rollouts"
      title={isWrong ? 'Error: deploy a release' : 'Deploy a release'}
    >
      <AdminHeading title="Deploy a release" back={{ href: '/admin/rollouts', label: 'Rollouts' }} />
      <Holders {...props} />
      <form class="card form deploy" method="post" action="/admin/deploy/plan" novalidate>
        <ErrorSummary errors={errors} labels={LABELS} problem={problem} />
        <ReleaseFields {...props} />
        <StrategyFields {...props} />
        <p class="button-row">
          <button class={['button', plan ? 'button-quiet' : 'button-primary']} type="submit">
            Show what would happen
          </button>
        </p>
      </form>
      {plan && <DeployPlan plan={plan} form={props.form} />}
    </AdminPage>
  )
}

function Holders({ holders, now }: DeployProps): Html {
  return (
    <>
      {holders.map(({ id, tag, blueprint, by, since }) => (
        <Notice tone="info" title={`The fleet of ${blueprint} is held by the rollout of ${tag}`}>
          <p>
            {by} began it <Time at={since} now={now} />. Another one can begin when{' '}
            <a href={`/admin/rollouts/${id}`}>it</a> has ended.
          </p>
        </Notice>
      ))}
    </>
  )
}

function ReleaseFields({ blueprints, form, errors }: DeployProps): Html {
  const options = blueprints.map(({ name, tenants }) => ({
    value: name,
    label: `${name} (${tenants === 1 ? '1 tenant' : `${tenants} tenants`})`,
  }))
  return (
    <>
      {blueprints.length > 1 && <Choice name="blueprint" form={form} errors={errors} options={options} />}
      {blueprints.length === 1 && <input type="hidden" name="blueprint" value={blueprints[0]?.name} />}
      <Words name="tag" form={form} errors={errors} hint="Of the image in the registry, such as v43." />
      <Words name="notes" form={form} errors={errors} hint="What is new, for whoever looks here later." />
      <Choice
        name="migration"
        form={form}
        errors={errors}
        options={MIGRATIONS}
        hint="What it does to the data. A release is known by what was said of it first."
      />
      <Choice name="backup" form={form} errors={errors} options={BACKUPS} />
    </>
  )
}

function StrategyFields({ form, errors, usual }: DeployProps): Html {
  const field = { form, errors }
  return (
    <fieldset class="field">
      <legend>How it goes out</legend>
      <div class="field-grid">
        <Words
          name="waves"
          {...field}
          usual={usual.waves}
          hint="Up to how many tenants, or which share of them, each wave goes."
        />
        <Words name="canaries" {...field} hint="Who is in the first wave: names, or tag: and a tag." />
        <Words name="concurrency" {...field} usual={usual.concurrency} hint="Tenants at the same time." />
        <Words name="bake_minutes" {...field} usual={usual.bake_minutes} hint="For so many minutes." />
        <Words name="stop_failures" {...field} usual={usual.stop_failures} hint="So many tenants, or…" />
        <Words
          name="stop_percent"
          {...field}
          usual={usual.stop_percent}
          hint="…such a share, whichever is more."
        />
      </div>
    </fieldset>
  )
}

type FieldProps = {
  name: keyof DeployForm
  form: DeployForm
  errors: DeployProps['errors']
  hint?: string
}

function Words({ name, form, errors, hint, usual }: FieldProps & { usual?: string }): Html {
  return (
    <Labelled name={name} errors={errors} hint={hint}>
      <input
        id={name}
        name={name}
        type="text"
        value={form[name]}
        placeholder={usual}
        autocomplete="off"
        autocapitalize="none"
        spellcheck="false"
        aria-invalid={errors[name] !== undefined}
        aria-describedby={describedBy(name, { hint: Boolean(hint), error: errors[name] })}
      />
    </Labelled>
  )
}

type ChoiceProps = FieldProps & { options: { value: string; label: string }[] }

function Choice({ name, form, errors, hint, options }: ChoiceProps): Html {
  return (
    <Labelled name={name} errors={errors} hint={hint}>
      <select
        id={name}
        name={name}
        aria-describedby={describedBy(name, { hint: Boolean(hint), error: errors[name] })}
      >
        {options.map(({ value, label }) => (
          <option value={value} selected={value === form[name]}>
            {label}
          </option>
        ))}
      </select>
    </Labelled>
  )
}

function Labelled(props: Omit<FieldProps, 'form'> & { children: Child }): Html {
  const { name, errors, hint, children } = props
  return (
    <Field name={name} label={LABELS[name]} hint={hint} error={errors[name]}>
      {children}
    </Field>
  )
}
