import { ErrorSummary } from '../components/field'
import { Notice } from '../components/notice'
import { Time } from '../components/time'
import type { Html } from '../jsx-runtime'
import { AdminHeading, AdminPage, type Operator } from '../layout/admin-page'
import { DeployPlan, type PlanView } from './deploy-plan'
import { Choice, RELEASE_LABELS, ReleaseFields, type ReleaseForm, Words } from './release-fields'
import { tenantsWords } from './rollout-words'

/** What is written into the form; empty is as usual. */
export type DeployForm = ReleaseForm & {
  blueprint: string
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
  /** Releases that are known already, newest first, and whether a blueprint says itself what its releases do. */
  known: string[]
  isNoted: boolean
  /** What is wrong that no field is to blame for. */
  problem?: string
  plan: PlanView | null
  /** The rollouts that hold a fleet; times in UTC milliseconds. */
  holders: { id: string; tag: string; blueprint: string; by: string; since: number }[]
  now: number
}

const LABELS: Record<keyof DeployForm, string> = {
  blueprint: 'Blueprint',
  ...RELEASE_LABELS,
  waves: 'Waves',
  canaries: 'Canaries',
  concurrency: 'At a time',
  bake_minutes: 'Watch each wave',
  stop_failures: 'Stop at failures',
  stop_percent: 'Stop at percent',
}

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
      {plan ? (
        <>
          {problem && <Notice tone="bad" title={problem} />}
          <DeployPlan plan={plan} form={props.form} />
          <details class="block">
            <summary>Change what is asked</summary>
            <AskedFor {...props} problem={undefined} />
          </details>
        </>
      ) : (
        <AskedFor {...props} />
      )}
    </AdminPage>
  )
}

function AskedFor(props: DeployProps): Html {
  const { errors, problem, plan } = props
  return (
    <form class="card form deploy" method="post" action="/admin/deploy/plan" novalidate>
      <ErrorSummary errors={errors} labels={LABELS} problem={problem} />
      <ReleasePart {...props} />
      <StrategyFields {...props} />
      <p class="button-row">
        <button class={['button', plan ? 'button-quiet' : 'button-primary']} type="submit">
          Show what would happen
        </button>
      </p>
    </form>
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

function ReleasePart({ blueprints, form, errors, known, isNoted }: DeployProps): Html {
  const options = blueprints.map(({ name, tenants }) => ({
    value: name,
    label: `${name} (${tenantsWords(tenants)})`,
  }))
  return (
    <>
      {blueprints.length > 1 && (
        <Choice
          name="blueprint"
          label={LABELS.blueprint}
          value={form.blueprint}
          error={errors.blueprint}
          options={options}
        />
      )}
      {blueprints.length === 1 && <input type="hidden" name="blueprint" value={blueprints[0]?.name} />}
      <ReleaseFields form={form} errors={errors} known={known} isNoted={isNoted} />
    </>
  )
}

const HINTS: Record<keyof DeployProps['usual'] | 'canaries', string> = {
  waves: 'Up to how many tenants, or which share of them, each wave goes.',
  canaries: 'Who is in the first wave: names, or tag:beta for all with that tag.',
  concurrency: 'How many tenants at the same time.',
  bake_minutes: 'Minutes of health checks before the next wave.',
  stop_failures: 'At so many tenants it stops and goes back.',
  stop_percent: 'Or at such a share of them, whichever is more.',
}

function StrategyFields({ form, errors, usual }: DeployProps): Html {
  const names = Object.keys(HINTS) as (keyof typeof HINTS)[]
  return (
    <fieldset class="field">
      <legend>How it goes out</legend>
      <p class="field-hint">Empty fields are as the grey figures say.</p>
      <div class="field-grid">
        {names.map((name) => (
          <Words
            name={name}
            label={LABELS[name]}
            value={form[name]}
            error={errors[name]}
            hint={HINTS[name]}
            usual={name === 'canaries' ? undefined : usual[name]}
          />
        ))}
      </div>
    </fieldset>
  )
}
