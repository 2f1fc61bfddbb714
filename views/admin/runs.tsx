import type { RunStatus } from '../components/badge'
import { Empty } from '../components/empty'
import { countWords, type Page, Pager } from '../components/pager'
import type { Order } from '../components/table'
import type { Html } from '../jsx-runtime'
import { AdminHeading, AdminPage, type Operator } from '../layout/admin-page'
import { ListFilter, statusOptions } from './list-filter'
import { type RunRow, RunTable, runKinds } from './run-list'

export type RunsProps = {
  operator: Operator
  runs: RunRow[]
  page: Page
  filter: { q: string; status: string; kind: string } & Order
  now: number
}

const PATH = '/admin/runs'
const STATUSES: RunStatus[] = ['queued', 'running', 'waiting', 'succeeded', 'failed', 'cancelled']

/** Every run, to search, filter and sort. */
export function RunsPage(props: RunsProps): Html {
  const status = { name: 'status', label: 'Status', any: 'Any status', value: props.filter.status }
  return (
    <AdminPage operator={props.operator} section="runs" title="Runs">
      <AdminHeading title="Runs" />
      <ListFilter
        path={PATH}
        target="run-list"
        search={{ label: 'Tenant', value: props.filter.q }}
        choices={[
          { ...status, options: statusOptions(STATUSES) },
          { name: 'kind', label: 'Kind', any: 'Any kind', value: props.filter.kind, options: runKinds },
        ]}
        kept={{ sort: props.filter.sort, dir: props.filter.dir }}
      />
      <RunList {...props} />
    </AdminPage>
  )
}

/** The list without the form above it. */
function RunList({ runs, page, filter, now }: Omit<RunsProps, 'operator'>): Html {
  const isFiltered = [filter.q, filter.status, filter.kind].some((one) => one !== '')
  return (
    <section class="block" id="run-list" aria-labelledby="run-count">
      <h2 class="count" id="run-count" aria-live="polite">
        {countWords(page, 'run', 'runs')}
      </h2>
      {runs.length > 0 ? (
        <RunTable runs={runs} now={now} label="Runs" list={{ path: PATH, filter }} />
      ) : (
        <Empty title={isFiltered ? 'No run matches' : 'No runs yet'}>
          <p>
            {isFiltered ? (
              <a href={PATH}>Show all runs</a>
            ) : (
              'The first one begins when a signup is approved.'
            )}
          </p>
        </Empty>
      )}
      <Pager path={PATH} query={filter} page={page} />
    </section>
  )
}
