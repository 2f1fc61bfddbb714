import { Badge, type RunStatus, type TenantStatus } from '../components/badge'
import { Empty } from '../components/empty'
import { External } from '../components/icons'
import { Live } from '../components/live'
import { type Money, moneyText } from '../components/money'
import { Notice } from '../components/notice'
import { Time } from '../components/time'
import type { Child, Html } from '../jsx-runtime'
import { AdminHeading, AdminPage, type Operator } from '../layout/admin-page'
import { EffectList, type EffectView } from './effects'
import { TenantHealth, type TenantHealthView } from './tenant-health'

export type TenantServer = {
  name: string
  externalId: string | null
  serverType: string | null
  location: string | null
  ipv4: string | null
  ipv6: string | null
}

export type TenantData = {
  id: string
  subdomain: string
  /** Where the site answers. */
  url: string
  status: TenantStatus
  statusReason: string | null
  organization: { id: string; name: string }
  ownerEmail: string
  plan: { name: string; price: Money; interval: 'month' | 'year' }
  blueprint: string
  release: string
  server: TenantServer | null
  dns: { name: string; type: string; value: string }[]
  subscription: { stripeId: string; status: string; currentPeriodEnd: number } | null
  /** The run at work on it, or the last one. */
  run: { id: string; status: RunStatus; direction: 'forward' | 'undo'; reason: string | null } | null
  /** Newest last. */
  effects: EffectView[]
  health: TenantHealthView
  createdAt: number
  now: number
}

export type TenantProps = TenantData & { operator: Operator; eventsUrl: string }

/** One tenant: its facts, what can be done, and everything that was done outside for it. */
export function TenantPage({ operator, eventsUrl, ...tenant }: TenantProps): Html {
  return (
    <AdminPage operator={operator} section="tenants" title={tenant.subdomain}>
      <Live eventsUrl={eventsUrl}>
        <Tenant {...tenant} />
      </Live>
    </AdminPage>
  )
}

const NOT_WELL: Partial<Record<TenantStatus, string>> = {
  failed: 'This tenant is not running',
  deleting: 'This tenant could not be taken down',
}

/** The fragment that the tenant's page keeps up to date. */
export function Tenant(tenant: TenantData): Html {
  return (
    <>
      <AdminHeading
        title={tenant.subdomain}
        badge={<Badge status={tenant.status} />}
        back={{ href: '/admin/tenants', label: 'Tenants' }}
      >
        <TenantActions {...tenant} />
      </AdminHeading>
      <p class="muted page-facts">
        Created <Time at={tenant.createdAt} now={tenant.now} /> · <code>{tenant.id}</code>
      </p>
      {tenant.run?.status === 'failed' && (
        <Notice tone="bad" title={NOT_WELL[tenant.status] ?? 'The last run failed'}>
          <p>{tenant.statusReason ?? tenant.run?.reason ?? 'No reason was recorded.'}</p>
          {tenant.run && (
            <p>
              <a href={`/admin/runs/${tenant.run.id}`}>See the run</a>, then retry it from the failed step
              {tenant.run.direction === 'forward' && ' or undo it'}.
            </p>
          )}
        </Notice>
      )}
      <TenantFacts {...tenant} />
      <TenantHealth health={tenant.health} now={tenant.now} />
      <section class="block" aria-labelledby="timeline-title">
        <h2 id="timeline-title">Timeline</h2>
        <p class="muted block-lead">Every call that changed something outside, in order.</p>
        {tenant.effects.length > 0 ? (
          <div class="card">
            <EffectList effects={tenant.effects} label="Effects" />
          </div>
        ) : (
          <Empty title="Nothing has been asked of anyone yet">
            <p>The first call appears here the moment it is made.</p>
          </Empty>
        )}
      </section>
    </>
  )
}

function TenantActions({ url, status, run }: TenantData): Html {
  return (
    <>
      {status === 'active' && (
        <a class="button button-quiet" href={url}>
          Open site <External />
        </a>
      )}
      {run && status !== 'failed' && (
        <a class="button button-quiet" href={`/admin/runs/${run.id}`}>
          See the run
        </a>
      )}
      {run?.status === 'failed' && (
        <>
          <form method="post" action={`/admin/runs/${run.id}/retry`}>
            <button class="button button-primary" type="submit">
              Retry
            </button>
          </form>
          {run.direction === 'forward' && (
            <a class="button button-danger" href={`/admin/runs/${run.id}/undo`}>
              Undo…
            </a>
          )}
        </>
      )}
    </>
  )
}

function TenantFacts(tenant: TenantData): Html {
  return (
    <section class="fact-cards" aria-label="Facts">
      <FactCard title="Site">
        <Fact name="Address">
          <a href={tenant.url}>{new URL(tenant.url).host}</a>
        </Fact>
        <Fact name="DNS">
          {tenant.dns.length === 0
            ? 'Not pointed yet'
            : tenant.dns.map((record) => (
                <span class="fact-line">
                  {record.name} {record.type} <code>{record.value}</code>
                </span>
              ))}
        </Fact>
        <Fact name="Release">
          <code>{tenant.release}</code> of {tenant.blueprint}
        </Fact>
      </FactCard>
      <FactCard title="Customer">
        <Fact name="Organization">{tenant.organization.name}</Fact>
        <Fact name="Owner">{tenant.ownerEmail}</Fact>
        <Fact name="Plan">
          {tenant.plan.name}, {moneyText(tenant.plan.price)} /{tenant.plan.interval}
        </Fact>
        <Subscription {...tenant} />
      </FactCard>
      <FactCard title="Server">
        <ServerFacts server={tenant.server} />
      </FactCard>
    </section>
  )
}

function Subscription({ subscription, now }: TenantData): Html {
  if (!subscription) return <Fact name="Subscription">None</Fact>
  return (
    <Fact name="Subscription">
      {subscription.status}, period ends <Time at={subscription.currentPeriodEnd} now={now} />
      <span class="fact-line">
        <code>{subscription.stripeId}</code>
      </span>
    </Fact>
  )
}

function ServerFacts({ server }: { server: TenantServer | null }): Html {
  if (!server) return <Fact name="Server">Not created yet</Fact>
  return (
    <>
      <Fact name="Type">
        {[server.serverType, server.location].filter(Boolean).join(' in ') || 'Not known yet'}
      </Fact>
      <Fact name="Addresses">
        {server.ipv4 || server.ipv6
          ? [server.ipv4, server.ipv6].map((ip) => ip && <code class="fact-line">{ip}</code>)
          : 'Not known yet'}
      </Fact>
      <Fact name="Name">
        <code>{server.name}</code>
        {server.externalId && <span class="fact-line muted">id {server.externalId}</span>}
      </Fact>
    </>
  )
}

function FactCard({ title, children }: { title: string; children: Child }): Html {
  return (
    <div class="card fact-card">
      <h2>{title}</h2>
      <dl class="facts facts-stacked">{children}</dl>
    </div>
  )
}

function Fact({ name, children }: { name: string; children?: Child }): Html {
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  )
}
