import { Badge } from '../components/badge'
import { Live } from '../components/live'
import { Notice } from '../components/notice'
import { Time } from '../components/time'
import type { Html } from '../jsx-runtime'
import { AdminHeading, AdminPage, type Operator } from '../layout/admin-page'
import { TenantBackups, type TenantBackupsView } from './backups'
import { TenantDeeds } from './tenant-deeds'
import { TenantFacts, type TenantFactsView } from './tenant-facts'
import { TenantHealth, type TenantHealthView } from './tenant-health'
import { Debt, isBusy, NoReturn, TenantActions, TenantState, type TenantStateView } from './tenant-state'
import { type EntryView, LatestEntries } from './timeline'

export type TenantData = TenantStateView &
  TenantFactsView & {
    /** The latest of its story, newest first. */
    timeline: EntryView[]
    health: TenantHealthView
    backups: TenantBackupsView
    createdAt: number
    now: number
  }

export type TenantProps = TenantData & {
  operator: Operator
  eventsUrl: string
  /** Why what was asked for was refused. */
  problem?: string
}

/** One tenant: its facts, what can be done, and the latest of its story. */
export function TenantPage({ operator, eventsUrl, problem, ...tenant }: TenantProps): Html {
  return (
    <AdminPage operator={operator} section="tenants" title={tenant.subdomain}>
      {problem && <Notice tone="bad" title={problem} />}
      <Live eventsUrl={eventsUrl}>
        <Tenant {...tenant} />
      </Live>
    </AdminPage>
  )
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
      <TenantState {...tenant} />
      <NoReturn {...tenant} />
      <Debt {...tenant} />
      <TenantFacts {...tenant} />
      <TenantDeeds {...tenant} />
      <TenantBackups tenant={tenant} isBusy={isBusy(tenant)} backups={tenant.backups} now={tenant.now} />
      <TenantHealth health={tenant.health} now={tenant.now} />
      <LatestEntries tenantId={tenant.id} entries={tenant.timeline} now={tenant.now} />
    </>
  )
}
