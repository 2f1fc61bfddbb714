import { Badge } from '../components/badge'
import { Empty } from '../components/empty'
import { countWords, listHref, type Page, Pager } from '../components/pager'
import { type Order, Table } from '../components/table'
import { Time } from '../components/time'
import type { Html } from '../jsx-runtime'
import { AdminHeading, AdminPage, type Operator } from '../layout/admin-page'
import { type Choice, ListFilter } from './list-filter'
import { partWords } from './rollout-failures'
import { TARGET_STATES, type TargetState } from './rollout-words'

/** One tenant in a rollout's list; times in UTC milliseconds. */
export type TargetRow = {
  tenantId: string
  subdomain: string
  /** From 0. */
  wave: number
  state: TargetState
  formerRelease: string
  failedPart: string | null
  reason: string | null
  /** Its deploy, where it began. */
  runId: string | null
  canSkip: boolean
  updatedAt: number
}

export type TargetsProps = {
  operator: Operator
  rollout: { id: string; tag: string }
  targets: TargetRow[]
  page: Page
  filter: { q: string; state: string } & Order
  /** Why what was asked for was refused. */
  problem?: string
  now: number
}

/** The tenants of a rollout as a list: to search and sort, and to skip one. */
export function TargetsPage(props: TargetsProps): Html {
  const { rollout, filter, page, targets } = props
  const path = `/admin/rollouts/${rollout.id}/targets`
  const options = [
    ...Object.entries(TARGET_STATES).map(([value, { label }]) => ({ value, label })),
    { value: 'ever_failed', label: 'Failed, whatever became of it' },
  ]
  const state: Choice = { name: 'state', label: 'State', any: 'Any state', value: filter.state, options }
  const back = { href: `/admin/rollouts/${rollout.id}`, label: `Rollout of ${rollout.tag}` }
  return (
    <AdminPage
      operator={props.operator}
      section="rollouts"
      title={`Tenants of the rollout of ${rollout.tag}`}
    >
      <AdminHeading title="Tenants" back={back} />
      {props.problem && (
        <p class="field-error" role="alert">
          {props.problem}
        </p>
      )}
      <ListFilter
        path={path}
        target="target-list"
        search={{ label: 'Name', value: filter.q }}
        choices={[state]}
        kept={{ sort: filter.sort, dir: filter.dir }}
      />
      <section class="block" id="target-list" aria-labelledby="target-count">
        <h2 class="count" id="target-count" aria-live="polite">
          {countWords(page, 'tenant', 'tenants')}
        </h2>
        {targets.length > 0 ? (
          <TargetTable {...props} />
        ) : (
          <Empty title="No tenant matches">
            <p>
              <a href={path}>Show all of them</a>
            </p>
          </Empty>
        )}
        <Pager path={path} query={filter} page={page} />
      </section>
    </AdminPage>
  )
}

function TargetTable({ rollout, targets, filter, page, now }: TargetsProps): Html {
  const back = listHref('', { ...filter, page: page.number })
  return (
    <Table
      label="Tenants"
      list={{ path: `/admin/rollouts/${rollout.id}/targets`, filter }}
      columns={[
        { name: 'Name', sort: 'subdomain' },
        { name: 'State', sort: 'state' },
        { name: 'Wave', class: 'from-m number', sort: 'wave' },
        { name: 'Before', class: 'from-m' },
        { name: 'Since', class: 'from-s', sort: 'since' },
        { unseen: 'What can be done' },
      ]}
    >
      {targets.map((target) => (
        <TargetLine rollout={rollout} target={target} back={back} now={now} />
      ))}
    </Table>
  )
}

/** `back` is the query of the list as it is shown, so that a skip leads back to it. */
type LineProps = { rollout: { id: string }; target: TargetRow; back: string; now: number }

function TargetLine({ rollout, target, back, now }: LineProps): Html {
  const { tenantId, subdomain, wave, state, failedPart, reason } = target
  return (
    <tr>
      <td>
        <a class="row-link" href={`/admin/tenants/${tenantId}`}>
          {subdomain}
        </a>
        {reason && (
          <p class="row-note">
            {failedPart && `${partWords(failedPart)}: `}
            {reason}
          </p>
        )}
      </td>
      <td>
        <Badge status={state} />
      </td>
      <td class="from-m number">{wave + 1}</td>
      <td class="from-m">
        <code>{target.formerRelease}</code>
      </td>
      <td class="from-s muted nowrap">
        <Time at={target.updatedAt} now={now} />
      </td>
      <td class="row-action nowrap">
        <TargetAction rollout={rollout} target={target} back={back} />
      </td>
    </tr>
  )
}

function TargetAction({ rollout, target, back }: Omit<LineProps, 'now'>): Html | null {
  const about = <span class="visually-hidden"> of {target.subdomain}</span>
  if (target.canSkip) {
    return (
      <form method="post" action={`/admin/rollouts/${rollout.id}/targets/${target.tenantId}/skip${back}`}>
        <button class="button button-quiet button-small" type="submit">
          Skip<span class="visually-hidden"> {target.subdomain}</span>
        </button>
      </form>
    )
  }
  if (target.runId === null) return null
  return <a href={`/admin/runs/${target.runId}`}>Log{about}</a>
}
