import { Badge, type RunStatus } from '../components/badge'
import { type SortedList, Table } from '../components/table'
import { durationWords, Time } from '../components/time'
import type { Html } from '../jsx-runtime'

/** One run in a list; times in UTC milliseconds. */
export type RunRow = {
  id: string
  kind: string
  status: RunStatus
  direction: 'forward' | 'undo'
  tenant: { id: string; subdomain: string }
  /** The title of the step it is at. */
  stepTitle: string | null
  reason: string | null
  createdAt: number
  startedAt: number | null
  finishedAt: number | null
}

/** What each kind of run does, and what its doing is called. */
const KINDS: Record<string, { deed: string; noun: string }> = {
  provision: { deed: 'Provision', noun: 'provision' },
  suspend: { deed: 'Suspend', noun: 'suspension' },
  resume: { deed: 'Resume', noun: 'resumption' },
  'change-plan': { deed: 'Change the plan of', noun: 'plan change' },
  delete: { deed: 'Delete', noun: 'deletion' },
  backup: { deed: 'Back up', noun: 'backup' },
  restore: { deed: 'Restore', noun: 'restoration' },
  move: { deed: 'Move', noun: 'move' },
  deploy: { deed: 'Deploy to', noun: 'deployment' },
  'rotate-secrets': { deed: 'Rotate the secrets of', noun: 'secret rotation' },
}

/** Every kind of run, and the noun for it, as a filter offers them. */
export const runKinds: { value: string; label: string }[] = Object.entries(KINDS).map(
  ([value, { noun }]) => ({
    value,
    label: noun.charAt(0).toUpperCase() + noun.slice(1),
  }),
)

/** 'Provision ada', or 'Undo provision of ada' on the way back. */
export function runTitle(
  run: Pick<RunRow, 'kind' | 'direction'> & { tenant: { subdomain: string } },
): string {
  const { deed, noun } = KINDS[run.kind] ?? { deed: run.kind, noun: run.kind }
  const { subdomain } = run.tenant
  return run.direction === 'undo' ? `Undo ${noun} of ${subdomain}` : `${deed} ${subdomain}`
}

/** Runs as a table: what, how it stands, when, how long. */
export function RunTable(props: { runs: RunRow[]; now: number; label: string; list?: SortedList }): Html {
  const { runs, now, label, list } = props
  return (
    <Table
      label={label}
      list={list}
      columns={[
        { name: 'Run', sort: 'tenant' },
        { name: 'Status', sort: 'status' },
        { name: 'At', class: 'from-m' },
        { name: 'Started', class: 'from-s', sort: 'begun' },
        { name: 'Took', class: 'from-m number' },
      ]}
    >
      {runs.map((run) => (
        <RunLine run={run} now={now} />
      ))}
    </Table>
  )
}

function RunLine({ run, now }: { run: RunRow; now: number }): Html {
  return (
    <tr>
      <td>
        <a class="row-link" href={`/admin/runs/${run.id}`}>
          {runTitle(run)}
        </a>
        {run.reason && run.status !== 'succeeded' && <p class="row-note">{run.reason}</p>}
      </td>
      <td>
        <Badge status={run.status} />
      </td>
      <td class="from-m muted">{run.status === 'succeeded' ? 'finished' : (run.stepTitle ?? 'not begun')}</td>
      <td class="from-s muted nowrap">
        <Time at={run.startedAt ?? run.createdAt} now={now} />
      </td>
      <td class="from-m muted number nowrap">
        {run.startedAt !== null && durationWords((run.finishedAt ?? now) - run.startedAt)}
      </td>
    </tr>
  )
}
