import { type Money, moneyText } from '../components/money'
import { Time } from '../components/time'
import type { Child, Html } from '../jsx-runtime'

export type TenantServer = {
  name: string
  externalId: string | null
  serverType: string | null
  location: string | null
  ipv4: string | null
  ipv6: string | null
}

/** What a tenant is; times in UTC milliseconds: its site, whose it is, its server. */
export type TenantFactsView = {
  id: string
  /** Where the site answers. */
  url: string
  organization: { id: string; name: string }
  ownerEmail: string
  plan: { name: string; price: Money; interval: 'month' | 'year' }
  blueprint: string
  release: string
  releaseSince: number | null
  /** The release that it should run instead, and where that was decided; null when it runs it. */
  wanted: { tag: string; rolloutId: string | null; reason: string | null } | null
  tags: string[]
  server: TenantServer | null
  dns: { name: string; type: string; value: string }[]
  subscription: { stripeId: string; status: string; currentPeriodEnd: number } | null
  now: number
}

/** Everything that is known of a tenant, in three cards. */
export function TenantFacts(tenant: TenantFactsView): Html {
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
        <Release {...tenant} />
        <Fact name="Tags">
          {tenant.tags.length > 0 ? tenant.tags.join(', ') : <span class="muted">none</span>}{' '}
          <a href={`/admin/tenants/${tenant.id}/tags`}>
            Change<span class="visually-hidden"> its tags</span>
          </a>
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

function Release({ release, releaseSince, blueprint, wanted, now }: TenantFactsView): Html {
  return (
    <Fact name="Release">
      <code>{release}</code> of {blueprint}
      {releaseSince !== null && (
        <>
          , since <Time at={releaseSince} now={now} />
        </>
      )}
      {wanted && (
        <span class="fact-line behind">
          Behind: it should run <code>{wanted.tag}</code>. {wanted.reason}{' '}
          {wanted.rolloutId && <a href={`/admin/rollouts/${wanted.rolloutId}`}>See the rollout</a>}
        </span>
      )}
    </Fact>
  )
}

function Subscription({ subscription, now }: TenantFactsView): Html {
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
