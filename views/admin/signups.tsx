import { Badge, type SignupStatus } from '../components/badge'
import { Empty } from '../components/empty'
import { type Money, moneyText } from '../components/money'
import { countWords, type Page, Pager } from '../components/pager'
import { type Order, Table } from '../components/table'
import { Time } from '../components/time'
import type { Html } from '../jsx-runtime'
import { AdminHeading, AdminPage, type Operator } from '../layout/admin-page'
import { ListFilter, statusOptions } from './list-filter'

/** One signup in the list; times in UTC milliseconds. */
export type SignupRow = {
  id: string
  subdomain: string
  email: string
  planName: string
  price: Money
  status: SignupStatus
  createdAt: number
  /** The tenant that it became. */
  tenantId: string | null
}

export type SignupsProps = {
  operator: Operator
  signups: SignupRow[]
  page: Page
  filter: { q: string; status: string } & Order
  now: number
}

const PATH = '/admin/signups'
const STATUSES: SignupStatus[] = [
  'pending',
  'paid',
  'provisioning',
  'active',
  'failed',
  'refunded',
  'expired',
]

/** Every signup, with the approval of those that paid. */
export function SignupsPage(props: SignupsProps): Html {
  const { filter } = props
  return (
    <AdminPage operator={props.operator} section="signups" title="Signups">
      <AdminHeading title="Signups" />
      <ListFilter
        path={PATH}
        target="signup-list"
        search={{ label: 'Name or email', value: filter.q }}
        choices={[
          {
            name: 'status',
            label: 'Status',
            any: 'Any status',
            value: filter.status,
            options: statusOptions(STATUSES),
          },
        ]}
        kept={{ sort: filter.sort, dir: filter.dir }}
      />
      <SignupList {...props} />
    </AdminPage>
  )
}

/** The list without the form above it. */
function SignupList({ signups, page, filter, now }: SignupsProps): Html {
  return (
    <section class="block" id="signup-list" aria-labelledby="signup-count">
      <h2 class="count" id="signup-count" aria-live="polite">
        {countWords(page, 'signup', 'signups')}
      </h2>
      {signups.length > 0 ? (
        <SignupTable signups={signups} filter={filter} now={now} />
      ) : (
        <NoSignups filter={filter} />
      )}
      <Pager path={PATH} query={filter} page={page} />
    </section>
  )
}

function SignupTable({ signups, filter, now }: Pick<SignupsProps, 'signups' | 'filter' | 'now'>): Html {
  return (
    <Table
      label="Signups"
      list={{ path: PATH, filter }}
      columns={[
        { name: 'Name', sort: 'subdomain' },
        { name: 'Plan', class: 'from-m', sort: 'plan' },
        { name: 'Status', sort: 'status' },
        { name: 'Signed up', class: 'from-m', sort: 'created' },
        { unseen: 'Action' },
      ]}
    >
      {signups.map((signup) => (
        <SignupLine signup={signup} now={now} />
      ))}
    </Table>
  )
}

function SignupLine({ signup, now }: { signup: SignupRow; now: number }): Html {
  return (
    <tr>
      <td>
        {signup.tenantId ? (
          <a class="row-link" href={`/admin/tenants/${signup.tenantId}`}>
            {signup.subdomain}
          </a>
        ) : (
          <strong>{signup.subdomain}</strong>
        )}
        <p class="row-note">{signup.email}</p>
      </td>
      <td class="from-m muted">
        {signup.planName}, {moneyText(signup.price)}
      </td>
      <td>
        <Badge status={signup.status} />
      </td>
      <td class="from-m muted nowrap">
        <Time at={signup.createdAt} now={now} />
      </td>
      <td class="row-action">
        {signup.status === 'paid' && (
          <form method="post" action={`${PATH}/${signup.id}/approval`}>
            <button class="button button-primary button-small" type="submit">
              Approve<span class="visually-hidden"> {signup.subdomain}</span>
            </button>
          </form>
        )}
      </td>
    </tr>
  )
}

function NoSignups({ filter }: { filter: SignupsProps['filter'] }): Html {
  if (filter.q || filter.status) {
    return (
      <Empty title="No signup matches">
        <p>
          <a href={PATH}>Show all signups</a>
        </p>
      </Empty>
    )
  }
  return (
    <Empty title="No signups yet">
      <p>Whoever signs up in the shop appears here, paid or not.</p>
    </Empty>
  )
}
