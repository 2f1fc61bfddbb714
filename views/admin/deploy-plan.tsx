import { Notice } from '../components/notice'
import { roughDuration } from '../components/time'
import type { Html } from '../jsx-runtime'
import type { DeployForm } from './deploy'
import { digestsIn } from './release-fields'
import { tenantsWords } from './rollout-words'

/** What would happen; times in milliseconds. */
export type PlanView = {
  release: {
    tag: string
    notes: string
    migration: 'none' | 'reversible' | 'expand' | 'contract'
    backup: boolean
    images: { image: string; digest: string }[]
  }
  blueprint: string
  waves: PlannedWaveView[]
  /** Who does not take part, and why. */
  setAside: { id: string; subdomain: string; reason: string }[]
  total: number
  /** How many run it already. */
  already: number
  canGoBack: boolean
  /** What keeps it from being started, a sentence each. */
  obstacles: string[]
  /** It stops at so many failures. */
  stopAt: number
  concurrency: number
  takesMs: number
}

export type PlannedWaveView = {
  /** From 0. */
  number: number
  size: number
  /** About when it begins, counted from the start, how long its deploys take, and how long it is watched then. */
  startsAfterMs: number
  deploysMs: number
  bakeMs: number
  /** What they run now. */
  formers: string[]
  /** The first of them. */
  tenants: { id: string; subdomain: string; formerRelease: string; isCanary: boolean }[]
}

/** Who gets what and when, and whether there is a way back; then the button that starts it. */
export function DeployPlan({ plan, form }: { plan: PlanView; form: DeployForm }): Html {
  const { release, waves, setAside } = plan
  return (
    <section class="block" aria-labelledby="plan-title" id="plan">
      <h2 id="plan-title">What would happen</h2>
      <WayBack plan={plan} />
      <dl class="facts card block">
        <dt>Release</dt>
        <dd>
          <strong>{release.tag}</strong> of {plan.blueprint}
        </dd>
        <dt>Images</dt>
        <dd>
          {release.images.map(({ image, digest }) => (
            <span class="fact-line">
              <code>
                {image}@{digest}
              </code>
            </span>
          ))}
        </dd>
        <dt>Goes to</dt>
        <dd>
          {tenantsWords(plan.total)} in {waves.length === 1 ? '1 wave' : `${waves.length} waves`}, at most{' '}
          {plan.concurrency} at a time
          {plan.already > 0 && `; ${tenantsWords(plan.already)} have it already`}
        </dd>
        <dt>Takes about</dt>
        <dd>{roughDuration(plan.takesMs)}</dd>
        <dt>Stops by itself</dt>
        <dd>
          at the first failure among the first, then at{' '}
          {plan.stopAt === 1 ? '1 failure' : `${plan.stopAt} failures`}
        </dd>
        {release.notes && (
          <>
            <dt>Notes</dt>
            <dd>{release.notes}</dd>
          </>
        )}
      </dl>
      <ol class="plain planned-waves block">
        {waves.map((wave) => (
          <PlannedWave wave={wave} />
        ))}
      </ol>
      <SetAside setAside={setAside} />
      {plan.obstacles.length > 0 ? (
        <Notice tone="bad" title="It can’t be started now">
          {plan.obstacles.map((obstacle) => (
            <p>{obstacle}</p>
          ))}
        </Notice>
      ) : (
        <Start form={form} plan={plan} />
      )}
    </section>
  )
}

function WayBack({ plan: { release, canGoBack } }: { plan: PlanView }): Html {
  if (!canGoBack) {
    return (
      <Notice tone="bad" title={`${release.tag} cannot go back`}>
        <p>
          {release.migration === 'contract'
            ? 'Its migration leaves'
            : 'On the way there tenants pass a release whose migration leaves'}{' '}
          data that the former release can’t work with. When something fails the rollout stops where it is,
          and those that have {release.tag} keep it.
        </p>
        <p>
          {release.backup
            ? 'Each tenant is backed up right before. Restoring such a backup by hand is the only way back, and loses what was changed since.'
            : 'No backup is taken before, because you said so.'}
        </p>
      </Notice>
    )
  }
  return (
    <Notice tone="info" title="When it fails, it goes back by itself">
      <p>
        {release.migration === 'none'
          ? 'It leaves the data as it is, so the former release runs on.'
          : 'The former release lives with what its migration does.'}{' '}
        {release.backup && 'Each tenant is backed up right before.'}
      </p>
    </Notice>
  )
}

const SHOWN_MAX = 20

function PlannedWave({ wave }: { wave: PlannedWaveView }): Html {
  const { number, size, startsAfterMs, deploysMs, bakeMs, formers, tenants } = wave
  const shown = tenants.slice(0, SHOWN_MAX)
  return (
    <li class="card">
      <h3>
        Wave {number + 1} <span class="muted">{tenantsWords(size)}</span>
      </h3>
      <p class="muted">
        {startsAfterMs === 0 ? 'At once' : `After about ${roughDuration(startsAfterMs)}`}, takes about{' '}
        {roughDuration(deploysMs)}
        {bakeMs > 0 && `, then is watched for ${roughDuration(bakeMs)}`}.
        {formers.length === 1 && ` From ${formers[0]}.`}
      </p>
      <ul class="plain tenant-names">
        {shown.map(({ id, subdomain, formerRelease, isCanary }) => (
          <li>
            <a href={`/admin/tenants/${id}`}>{subdomain}</a>
            <span class="muted">
              {formers.length > 1 && ` from ${formerRelease}`}
              {isCanary && ' (canary)'}
            </span>
          </li>
        ))}
        {size > shown.length && <li class="muted">and {NUMBER.format(size - shown.length)} more</li>}
      </ul>
    </li>
  )
}

function SetAside({ setAside }: Pick<PlanView, 'setAside'>): Html | null {
  if (setAside.length === 0) return null
  return (
    <section class="block" aria-labelledby="aside-title">
      <h3 id="aside-title">Set aside: {tenantsWords(setAside.length)}</h3>
      <p class="muted">They are brought up to date when they return.</p>
      <ul>
        {setAside.slice(0, SHOWN_MAX).map(({ id, subdomain, reason }) => (
          <li>
            <a href={`/admin/tenants/${id}`}>{subdomain}</a>: {reason}
          </li>
        ))}
        {setAside.length > SHOWN_MAX && <li>and {setAside.length - SHOWN_MAX} more</li>}
      </ul>
    </section>
  )
}

function Start({ form, plan }: { form: DeployForm; plan: PlanView }): Html {
  const { tag } = plan.release
  return (
    <form class="form block" method="post" action="/admin/deploy">
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
        <button
          class={['button', 'button-large', plan.canGoBack ? 'button-primary' : 'button-danger-solid']}
          type="submit"
        >
          Start: {tag} to {tenantsWords(plan.total)}
        </button>
      </p>
    </form>
  )
}

const NUMBER = new Intl.NumberFormat('en-US')
