import type { TenantStatus } from '../components/badge'
import { Empty } from '../components/empty'
import { Live } from '../components/live'
import { type Money, moneyList } from '../components/money'
import type { Child, Html } from '../jsx-runtime'
import { AdminHeading, AdminPage, type Operator } from '../layout/admin-page'
import { HealthFigures } from './health'
import { Needs, type NeedsData } from './needs'
import { Quotas, type QuotasData } from './quotas'
import { type RunRow, RunTable } from './run-list'
import { type RolloutUnderWay, UnderWay } from './under-way'

export type OverviewData = NeedsData & {
  underWay: RolloutUnderWay[]
  /** What is used of the clouds’ limits. */
  room: QuotasData
  /** Tenants by status; those without any may be left out. */
  tenants: { status: TenantStatus; count: number }[]
  money: { monthly: Money[]; paidThisMonth: Money[]; paymentsThisMonth: number }
  latestRuns: RunRow[]
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
