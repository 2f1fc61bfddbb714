import { Badge, type TenantStatus } from '../components/badge'
import { Empty } from '../components/empty'
import { countWords, type Page, Pager } from '../components/pager'
import { type Order, Table } from '../components/table'
import { Time } from '../components/time'
import type { Html } from '../jsx-runtime'
import { AdminHeading, AdminPage, type Operator } from '../layout/admin-page'
import { ListFilter, statusOptions } from './list-filter'

/** One tenant in the list; times in UTC milliseconds. */
export type TenantRow = {
  id: string
  subdomain: string
  ownerEmail: string
  planName: string
  status: TenantStatus
  isUnpaid: boolean
  release: string
  createdAt: number
}

export type TenantFilter = { q: string; status: string; plan: string } & Order

export type TenantsProps = {
  operator: Operator
  tenants: TenantRow[]
  page: Page
  filter: TenantFilter
  plans: { key: string; name: string }[]
  now: number
}

const PATH = '/admin/tenants'
const STATUSES: TenantStatus[] = ['provisioning', 'active', 'suspended', 'failed', 'deleting', 'deleted']

/** Every tenant, to search, filter and sort. */
export function TenantsPage(props: TenantsProps): Html {
  const { filter, plans } = props
  const status = { name: 'status', label: 'Status', any: 'Any status', value: filter.status }
  const plan = { name: 'plan', label: 'Plan', any: 'Any plan', value: filter.plan }
  return (
    <AdminPage operator={props.operator} section="tenants" title="Tenants">
      <AdminHeading title="Tenants" />
      <ListFilter
        path={PATH}
        target="tenant-list"
        search={{ label: 'Name or email', value: filter.q }}
        choices={[
          { ...status, options: statusOptions(STATUSES) },
          { ...plan, options: plans.map(({ key, name }) => ({ value: key, label: name })) },
        ]}
        kept={{ sort: filter.sort, dir: filter.dir }}
      />
      <TenantList {...props} />
    </AdminPage>
  )
}

/** The list without the form above it. */
function TenantList({ tenants, page, filter, now }: Omit<TenantsProps, 'operator' | 'plans'>): Html {
  return (
    <section class="block" id="tenant-list" aria-labelledby="tenant-count">
      <h2 class="count" id="tenant-count" aria-live="polite">
        {countWords(page, 'tenant', 'tenants')}
      </h2>
      {tenants.length > 0 ? (
        <TenantTable tenants={tenants} filter={filter} now={now} />
      ) : (
        <NoTenants filter={filter} />
      )}
      <Pager path={PATH} query={filter} page={page} />
    </section>
  )
}

function TenantTable(props: { tenants: TenantRow[]; filter: TenantFilter; now: number }): Html {
  const { tenants, filter, now } = props
  return (
    <Table
      label="Tenants"
      list={{ path: PATH, filter }}
      columns={[
        { name: 'Name', sort: 'subdomain' },
        { name: 'Plan', class: 'from-m', sort: 'plan' },
        { name: 'Status', sort: 'status' },
        { name: 'Release', class: 'from-m', sort: 'release' },
        { name: 'Created', class: 'from-s', sort: 'created' },
      ]}
    >
      {tenants.map((tenant) => (
        <TenantLine tenant={tenant} now={now} />
      ))}
    </Table>
  )
}

function TenantLine({ tenant, now }: { tenant: TenantRow; now: number }): Html {
  return (
    <tr>
      <td>
        <a class="row-link" href={`${PATH}/${tenant.id}`}>
          {tenant.subdomain}
        </a>
        <p class="row-note">{tenant.ownerEmail}</p>
      </td>
      <td class="from-m muted">{tenant.planName}</td>
      <td>
        <Badge status={tenant.status} /> {tenant.isUnpaid && <Badge status="unpaid" />}
      </td>
      <td class="from-m">
        <code>{tenant.release}</code>
      </td>
      <td class="from-s muted nowrap">
        <Time at={tenant.createdAt} now={now} />
      </td>
    </tr>
  )
}

function NoTenants({ filter }: { filter: TenantFilter }): Html {
  if (filter.q || filter.status || filter.plan) {
    return (
      <Empty title="No tenant matches">
        <p>
          <a href={PATH}>Show all tenants</a>
        </p>
      </Empty>
    )
  }
  return (
    <Empty title="No tenants yet">
      <p>
        A tenant begins when you approve a paid signup.{' '}
        <a href="/admin/signups?status=paid">See paid signups</a>
      </p>
    </Empty>
  )
}
