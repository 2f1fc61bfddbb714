import { Badge } from '../components/badge'
import { Empty } from '../components/empty'
import { Live } from '../components/live'
import { countWords, listHref, type Page, Pager } from '../components/pager'
import { type Order, Table } from '../components/table'
import { durationWords, Time } from '../components/time'
import type { Html } from '../jsx-runtime'
import { AdminHeading, AdminPage, type Operator } from '../layout/admin-page'
import { type Choice, ListFilter } from './list-filter'
import { isLive, type RolloutStatus } from './rollout-words'

/** One rollout in the list; times in UTC milliseconds. */
export type RolloutRow = {
  id: string
  tag: string
  blueprint: string
  status: RolloutStatus
  reason: string | null
  /** How many have nothing more to come, of all. */
  settled: number
  total: number
  failed: number
  /** Who began it, in words. */
  by: string
  createdAt: number
  finishedAt: number | null
}

export type RolloutsData = {
  rollouts: RolloutRow[]
  page: Page
  filter: { q: string; status: string } & Order
  now: number
}

export type RolloutsProps = RolloutsData & { operator: Operator }

const PATH = '/admin/rollouts'
const STATUSES: RolloutStatus[] = [
  'running',
  'held',
  'going_back',
  'frozen',
  'succeeded',
  'stopped',
  'rolled_back',
  'aborted',
]

/** Every rollout, to search, filter and sort. */
export function RolloutsPage({ operator, ...data }: RolloutsProps): Html {
  const options = STATUSES.map((value) => ({ value, label: value.replaceAll('_', ' ') }))
  const status: Choice = {
    name: 'status',
    label: 'Status',
    any: 'Any status',
    value: data.filter.status,
    options,
  }
  return (
    <AdminPage operator={operator} section="rollouts" title="Rollouts">
      <AdminHeading title="Rollouts">
        <a class="button button-quiet" href="/admin/releases">
          Releases
        </a>
        <a class="button button-primary" href="/admin/deploy">
          Deploy a release
        </a>
      </AdminHeading>
      <ListFilter
        path={PATH}
        target="rollout-list"
        search={{ label: 'Release', value: data.filter.q }}
        choices={[status]}
        kept={{ sort: data.filter.sort, dir: data.filter.dir }}
        swap="outerHTML"
      />
      <section class="block" id="rollout-list" aria-labelledby="rollout-count">
        <Live eventsUrl={listHref(`${PATH}/events`, { ...data.filter, page: data.page.number })}>
          <RolloutList {...data} />
        </Live>
      </section>
    </AdminPage>
  )
}

/** The fragment that the page keeps up to date. */
export function RolloutList({ rollouts, page, filter, now }: RolloutsData): Html {
  return (
    <>
      <h2 class="count" id="rollout-count">
        {countWords(page, 'rollout', 'rollouts')}
      </h2>
      {rollouts.length > 0 ? (
        <RolloutTable rollouts={rollouts} filter={filter} now={now} />
      ) : (
        <NoRollouts isFiltered={filter.q !== '' || filter.status !== ''} />
      )}
      <Pager path={PATH} query={filter} page={page} />
    </>
  )
}

function NoRollouts({ isFiltered }: { isFiltered: boolean }): Html {
  return (
    <Empty title={isFiltered ? 'No rollout matches' : 'No rollouts yet'}>
      <p>
        {isFiltered ? (
          <a href={PATH}>Show all rollouts</a>
        ) : (
          <>
            The first one begins when you <a href="/admin/deploy">deploy a release</a>.
          </>
        )}
      </p>
    </Empty>
  )
}

function RolloutTable({ rollouts, filter, now }: Omit<RolloutsData, 'page'>): Html {
  return (
    <Table
      label="Rollouts"
      list={{ path: PATH, filter }}
      columns={[
        { name: 'Release', sort: 'release' },
        { name: 'Status', sort: 'status' },
        { name: 'Tenants', class: 'from-s number', sort: 'tenants' },
        { name: 'By', class: 'from-m' },
        { name: 'Begun', class: 'from-s', sort: 'begun' },
        { name: 'Took', class: 'from-m number' },
      ]}
    >
      {rollouts.map((rollout) => (
        <RolloutLine rollout={rollout} now={now} />
      ))}
    </Table>
  )
}

function RolloutLine({ rollout, now }: { rollout: RolloutRow; now: number }): Html {
  const { id, tag, blueprint, status, reason, settled, total, failed, createdAt, finishedAt } = rollout
  return (
    <tr>
      <td>
        <a class="row-link" href={`${PATH}/${id}`}>
          {tag}
        </a>{' '}
        <span class="muted">to {blueprint}</span>
        {reason && <p class="row-note">{reason}</p>}
      </td>
      <td>
        <Badge status={status} />
      </td>
      <td class="from-s number nowrap">
        {status !== 'going_back' && isLive(status) && `${NUMBER.format(settled)} of `}
        {NUMBER.format(total)}
        {failed > 0 && <p class="row-note figure-warning">{NUMBER.format(failed)} failed</p>}
      </td>
      <td class="from-m muted">{rollout.by}</td>
      <td class="from-s muted nowrap">
        <Time at={createdAt} now={now} />
      </td>
      <td class="from-m muted number nowrap">{durationWords((finishedAt ?? now) - createdAt)}</td>
    </tr>
  )
}

const NUMBER = new Intl.NumberFormat('en-US')
