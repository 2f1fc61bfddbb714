import { Badge, type TenantStatus } from '../components/badge'
import { Empty } from '../components/empty'
import { Check } from '../components/icons'
import { Live } from '../components/live'
import { type Money, moneyList, moneyText } from '../components/money'
import { Time } from '../components/time'
import type { Child, Html } from '../jsx-runtime'
import { AdminHeading, AdminPage, type Operator } from '../layout/admin-page'
import { type AilingTenant, type HealthCounts, HealthFigures } from './health'
import { Quotas, type QuotasData } from './quotas'
import { type RunRow, RunTable, runTitle } from './run-list'
import { type RolloutUnderWay, UnderWay } from './under-way'

/** A paid signup that waits for the operator's approval. */
export type WaitingSignup = {
  id: string
  subdomain: string
  email: string
  planName: string
  price: Money
  paidAt: number
}

/** A message from or to outside that could not be dealt with. */
export type Trouble = {
  /** What it is: 'Event checkout.session.completed', 'Mail welcome to ada@example.com'. */
  title: string
  reason: string
  at: number
  /** Where its button posts to; null when only somebody else can try again. */
  retryAction: string | null
}

export type OverviewData = {
  waiting: WaitingSignup[]
  troubles: Trouble[]
  failedRuns: RunRow[]
  /** Rollouts that do nothing until a person has looked. */
  rollouts: { id: string; tag: string; status: 'held' | 'frozen'; reason: string | null; createdAt: number }[]
  underWay: RolloutUnderWay[]
  /** How all tenants are, and some of those that are down. */
  health: { counts: HealthCounts; down: AilingTenant[] }
  /** What is used of the clouds’ limits. */
  room: QuotasData
  /** Tenants by status; those without any may be left out. */
  tenants: { status: TenantStatus; count: number }[]
  money: { monthly: Money[]; paidThisMonth: Money[]; paymentsThisMonth: number }
  latestRuns: RunRow[]
  now: number
}

export type OverviewProps = OverviewData & { operator: Operator; eventsUrl: string }

/** The operator's first page: what needs me now, then how things stand. */
export function OverviewPage({ operator, eventsUrl, ...data }: OverviewProps): Html {
  return (
    <AdminPage operator={operator} section="overview" title="Overview">
      <AdminHeading title="Overview" />
      <Live eventsUrl={eventsUrl}>
        <Overview {...data} />
      </Live>
    </AdminPage>
  )
}

/** The fragment that the overview keeps up to date. */
export function Overview(data: OverviewData): Html {
  return (
    <>
      <Needs {...data} />
      <UnderWay rollouts={data.underWay} />
      <Figures {...data} />
      <HealthFigures counts={data.health.counts} title="Health" />
      <Quotas {...data.room} now={data.now} />
      <section class="block" aria-labelledby="latest-title">
        <div class="block-head">
          <h2 id="latest-title">Latest runs</h2>
          <a href="/admin/runs">All runs</a>
        </div>
        {data.latestRuns.length > 0 ? (
          <RunTable runs={data.latestRuns} now={data.now} label="Latest runs" />
        ) : (
          <Empty title="No runs yet">
            <p>The first one begins when a signup is approved.</p>
          </Empty>
        )}
      </section>
    </>
  )
}

function Needs({ waiting, failedRuns, rollouts, troubles, health, now }: OverviewData): Html {
  return (
    <section class="block" aria-labelledby="needs-title">
      <h2 id="needs-title">Needs you now</h2>
      {waiting.length + failedRuns.length + rollouts.length + troubles.length + health.down.length === 0 ? (
        <p class="calm">
          <Check /> Nothing. Paid signups, failed runs and tenants that are down appear here by themselves.
        </p>
      ) : (
        <ul class="needs plain">
          {rollouts.map((rollout) => (
            <WaitingRollout rollout={rollout} now={now} />
          ))}
          <Down {...health} now={now} />
          {failedRuns.map((run) => (
            <FailedRun run={run} now={now} />
          ))}
          {troubles.map((trouble) => (
            <TroubleItem trouble={trouble} now={now} />
          ))}
          {waiting.map((signup) => (
            <WaitingApproval signup={signup} now={now} />
          ))}
        </ul>
      )}
    </section>
  )
}

function Down({ counts, down, now }: OverviewData['health'] & { now: number }): Html {
  const more = counts.unhealthy - down.length
  return (
    <>
      {down.map((tenant) => (
        <DownTenant tenant={tenant} now={now} />
      ))}
      {more > 0 && (
        <li class="need">
          <a href="/admin/health?state=unhealthy">
            {more} more {more === 1 ? 'tenant is' : 'tenants are'} down
          </a>
        </li>
      )}
    </>
  )
}

function WaitingRollout({ rollout, now }: { rollout: OverviewData['rollouts'][number]; now: number }): Html {
  const { id, tag, status, reason, createdAt } = rollout
  return (
    <li class="need">
      <div class="need-body">
        <p>
          <Badge status={status} /> <strong>Rollout of {tag}</strong>{' '}
          <span class="muted">
            <Time at={createdAt} now={now} />
          </span>
        </p>
        <p>{reason ?? 'It goes on when somebody resumes it.'}</p>
      </div>
      <div class="need-actions">
        <a class="button button-quiet" href={`/admin/rollouts/${id}`}>
          Look<span class="visually-hidden"> at the rollout of {tag}</span>
        </a>
      </div>
    </li>
  )
}

function DownTenant({ tenant, now }: { tenant: AilingTenant; now: number }): Html {
  return (
    <li class="need">
      <div class="need-body">
        <p>
          <Badge status="down" /> <strong>{tenant.subdomain}</strong>{' '}
          <span class="muted">{tenant.changedAt !== null && <Time at={tenant.changedAt} now={now} />}</span>
        </p>
        <p>{tenant.reason ?? 'It gives no good answer.'}</p>
      </div>
      <div class="need-actions">
        <a class="button button-quiet" href={`/admin/tenants/${tenant.tenantId}`}>
          Look<span class="visually-hidden"> at {tenant.subdomain}</span>
        </a>
      </div>
    </li>
  )
}

function FailedRun({ run, now }: { run: RunRow; now: number }): Html {
  return (
    <li class="need">
      <div class="need-body">
        <p>
          <Badge status="failed" /> <strong>{runTitle(run)}</strong>{' '}
          <span class="muted">
            <Time at={run.finishedAt ?? run.createdAt} now={now} />
          </span>
        </p>
        <p>
          {run.stepTitle && `${run.stepTitle}: `}
          {run.reason ?? 'No reason was recorded.'}
        </p>
      </div>
      <div class="need-actions">
        <form method="post" action={`/admin/runs/${run.id}/retry`}>
          <button class="button button-primary" type="submit">
            Retry<span class="visually-hidden"> {runTitle(run)}</span>
          </button>
        </form>
        <a class="button button-quiet" href={`/admin/runs/${run.id}`}>
          Look<span class="visually-hidden"> at {runTitle(run)}</span>
        </a>
      </div>
    </li>
  )
}

function TroubleItem({ trouble, now }: { trouble: Trouble; now: number }): Html {
  return (
    <li class="need">
      <div class="need-body">
        <p>
          <Badge status="failed" /> <strong>{trouble.title}</strong>{' '}
          <span class="muted">
            <Time at={trouble.at} now={now} />
          </span>
        </p>
        <p>{trouble.reason}</p>
      </div>
      <div class="need-actions">
        {trouble.retryAction !== null && (
          <form method="post" action={trouble.retryAction}>
            <button class="button button-primary" type="submit">
              Try again<span class="visually-hidden">: {trouble.title}</span>
            </button>
          </form>
        )}
      </div>
    </li>
  )
}

function WaitingApproval({ signup, now }: { signup: WaitingSignup; now: number }): Html {
  return (
    <li class="need">
      <div class="need-body">
        <p>
          <Badge status="paid" /> <strong>{signup.subdomain}</strong>{' '}
          <span class="muted">
            paid <Time at={signup.paidAt} now={now} />
          </span>
        </p>
        <p>
          {signup.email} · {signup.planName}, {moneyText(signup.price)}
        </p>
      </div>
      <div class="need-actions">
        <form method="post" action={`/admin/signups/${signup.id}/approval`}>
          <button class="button button-primary" type="submit">
            Approve<span class="visually-hidden"> {signup.subdomain}</span>
          </button>
        </form>
      </div>
    </li>
  )
}

const NUMBER = new Intl.NumberFormat('en-US')
const COUNTED: TenantStatus[] = ['active', 'provisioning', 'failed', 'suspended']

function Figures({ tenants, money }: OverviewData): Html {
  const count = (status: TenantStatus) => tenants.find((one) => one.status === status)?.count ?? 0
  return (
    <div class="figure-groups">
      <section class="block" aria-labelledby="tenants-title">
        <h2 id="tenants-title">Tenants</h2>
        <dl class="figures figures-four">
          {COUNTED.map((status) => (
            <Figure name={status.charAt(0).toUpperCase() + status.slice(1)}>
              <a href={`/admin/tenants?status=${status}`}>{NUMBER.format(count(status))}</a>
            </Figure>
          ))}
        </dl>
      </section>
      <section class="block" aria-labelledby="money-title">
        <h2 id="money-title">Money</h2>
        <dl class="figures">
          <Figure name="Monthly recurring">{moneyList(money.monthly)}</Figure>
          <Figure name="Paid this month">
            {moneyList(money.paidThisMonth)}{' '}
            <span class="figure-note">
              {money.paymentsThisMonth} {money.paymentsThisMonth === 1 ? 'payment' : 'payments'}
            </span>
          </Figure>
        </dl>
      </section>
    </div>
  )
}

function Figure({ name, children }: { name: string; children: Child }): Html {
  return (
    <div class="figure">
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  )
}
