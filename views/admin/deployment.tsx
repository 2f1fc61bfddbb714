import { ErrorSummary } from '../components/field'
import { Notice } from '../components/notice'
import { roughDuration } from '../components/time'
import type { Html } from '../jsx-runtime'
import { AdminHeading, AdminPage, type Operator } from '../layout/admin-page'
import { digestsIn, RELEASE_LABELS, ReleaseFields, type ReleaseFieldsProps } from './release-fields'

export type DeploymentProps = ReleaseFieldsProps & {
  operator: Operator
  tenant: { id: string; subdomain: string; blueprint: string; release: string }
  /** What is wrong that no field is to blame for. */
  problem?: string
  plan: DeploymentPlan | null
}

/** What would happen; times in milliseconds. */
export type DeploymentPlan = {
  release: {
    tag: string
    notes: string
    migration: 'none' | 'reversible' | 'expand' | 'contract'
    images: { image: string; digest: string }[]
  }
  way: 'forward' | 'back'
  canGoBack: boolean
  /** Whether the tenant is copied first. */
  copies: boolean
  takesMs: number
  /** What keeps it from being started, a sentence each. */
  obstacles: string[]
}

/** Which release one tenant gets, and what would happen; then the button that starts it. */
export function DeploymentPage(props: DeploymentProps): Html {
  const { operator, tenant, errors, problem, plan } = props
  const title = `Deploy a release to ${tenant.subdomain}`
  const isWrong = problem !== undefined || Object.values(errors).some((error) => error)
  return (
    <AdminPage operator={operator} section="tenants" title={isWrong ? 'Error: deploy a release' : title}>
      <AdminHeading title={title} back={{ href: pathOf(tenant), label: tenant.subdomain }} />
      {plan ? (
        <>
          {problem && <Notice tone="bad" title={problem} />}
          <Planned {...props} plan={plan} />
          <details class="block">
            <summary>Choose another release</summary>
            <AskedFor {...props} problem={undefined} />
          </details>
        </>
      ) : (
        <AskedFor {...props} />
      )}
    </AdminPage>
  )
}

function AskedFor({ tenant, problem, plan, ...fields }: DeploymentProps): Html {
  return (
    <form class="card form undo" method="post" action={`${pathOf(tenant)}/deployment/plan`} novalidate>
      <ErrorSummary errors={fields.errors} labels={RELEASE_LABELS} problem={problem} />
      {!plan && (
        <p>
          It runs <code>{tenant.release}</code> of {tenant.blueprint}. Nobody else gets the release;{' '}
          <a href="/admin/deploy">deploy to the fleet</a> for that.
        </p>
      )}
      <ReleaseFields {...fields} />
      <p class="button-row">
        <button class={['button', plan ? 'button-quiet' : 'button-primary']} type="submit">
          Show what would happen
        </button>
        {!plan && (
          <a class="button button-quiet" href={pathOf(tenant)}>
            Leave it at {tenant.release}
          </a>
        )}
      </p>
    </form>
  )
}

function Planned({ tenant, form, plan }: DeploymentProps & { plan: DeploymentPlan }): Html {
  const { release, copies, takesMs, obstacles } = plan
  return (
    <section class="block" aria-labelledby="plan-title">
      <h2 id="plan-title">What would happen</h2>
      <WayBack tenant={tenant} plan={plan} />
      <dl class="facts card block">
        <dt>Release</dt>
        <dd>
          <strong>{release.tag}</strong> in place of {tenant.release}
        </dd>
        <dt>Images</dt>
        <dd>
          {release.images.map(({ image, digest }) => (
            <code class="fact-line">
              {image}@{digest}
            </code>
          ))}
        </dd>
        <dt>Backup</dt>
        <dd>{copies ? 'is made right before' : 'none is made for it'}</dd>
        <dt>Takes about</dt>
        <dd>{roughDuration(takesMs)}; visitors may wait for some seconds of it</dd>
        {release.notes && (
          <>
            <dt>Notes</dt>
            <dd>{release.notes}</dd>
          </>
        )}
      </dl>
      {obstacles.length > 0 ? (
        <Notice tone="bad" title="It can’t be started now">
          {obstacles.map((obstacle) => (
            <p>{obstacle}</p>
          ))}
        </Notice>
      ) : (
        <Start tenant={tenant} form={form} plan={plan} />
      )}
    </section>
  )
}

function WayBack({ tenant, plan }: { tenant: DeploymentProps['tenant']; plan: DeploymentPlan }): Html {
  const { release, way, canGoBack, copies } = plan
  if (way === 'back') {
    return (
      <Notice tone="info" title={`${release.tag} is older than ${tenant.release}`}>
        <p>It runs on with the data as it is: nothing is migrated.</p>
      </Notice>
    )
  }
  if (!canGoBack) {
    return (
      <Notice tone="bad" title={`There is no way back to ${tenant.release}`}>
        <p>
          {tenant.release} can’t work with what {release.tag} does to the data.{' '}
          {copies
            ? 'The backup that is made first is the only way back, and loses what was changed since.'
            : 'No backup is made first, because somebody said so.'}
        </p>
      </Notice>
    )
  }
  return (
    <Notice tone="info" title={`When it fails, it goes back to ${tenant.release} by itself`}>
      <p>
        {release.migration === 'none'
          ? `It leaves the data as it is, so ${tenant.release} runs on.`
          : `${tenant.release} lives with what its migration does.`}
      </p>
    </Notice>
  )
}

function Start(props: Pick<DeploymentProps, 'tenant' | 'form'> & { plan: DeploymentPlan }): Html {
  const { tenant, form, plan } = props
  const { tag } = plan.release
  return (
    <form class="form block" method="post" action={`${pathOf(tenant)}/deployment`}>
      {Object.entries({ ...form, digests: digestsIn(plan.release) }).map(([name, value]) => (
        <input type="hidden" name={name} value={value} />
      ))}
      {!plan.canGoBack && (
        <p class="check">
          <input id="accepts_no_way_back" name="accepts_no_way_back" type="checkbox" value="yes" required />
          <label for="accepts_no_way_back">I know that there is no way back from {tag}</label>
        </p>
      )}
      <p class="button-row">
        <button class={['button', plan.canGoBack ? 'button-primary' : 'button-danger-solid']} type="submit">
          Deploy {tag}
        </button>
        <a class="button button-quiet" href={pathOf(tenant)}>
          Leave it at {tenant.release}
        </a>
      </p>
    </form>
  )
}

const pathOf = ({ id }: { id: string }) => `/admin/tenants/${id}`
