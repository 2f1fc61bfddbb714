import type { RunStatus, TenantStatus } from '../components/badge'
import { External } from '../components/icons'
import { Notice } from '../components/notice'
import { Time } from '../components/time'
import type { Html } from '../jsx-runtime'
import { runTitle } from './run-list'

/** How a tenant stands and what is at work on it; times in UTC milliseconds. */
export type TenantStateView = {
  id: string
  subdomain: string
  url: string
  status: TenantStatus
  /** Why its last run stopped. */
  statusReason: string | null
  suspendedFor: 'operator' | 'unpaid' | 'canceled' | null
  suspendedAt: number | null
  /** Why money does not let it be resumed now. */
  heldBy: 'unpaid' | 'canceled' | null
  /** Why it can't be started at its release, what to do, and the backup from before that can be restored. */
  noReturn: { words: string; backupId: string | null } | null
  /** What its customer owes: since when, and when it is suspended for it. */
  debt: { unpaidSince: number; suspendsAt: number } | null
  /** When its deletion can no longer be taken back. */
  deleteAt: number | null
  /** The run at work on it, or the last one. */
  run: TenantRun | null
  now: number
}

export type TenantRun = {
  id: string
  kind: string
  status: RunStatus
  direction: 'forward' | 'undo'
  reason: string | null
  createdAt: number
  canRetry: boolean
  canUndo: boolean
  canCancel: boolean
}

/** Whether a run is at work: nothing else can be done to the tenant meanwhile. */
export function isBusy({ run }: Pick<TenantStateView, 'run'>): boolean {
  return run?.status === 'queued' || run?.status === 'running' || run?.status === 'waiting'
}

/** What can be done first, beside the tenant's name. */
export function TenantActions(tenant: TenantStateView): Html {
  const { id, url, status, run } = tenant
  return (
    <>
      {status === 'active' && (
        <a class="button button-quiet" href={url}>
          Open site <External />
        </a>
      )}
      {run && (
        <a class="button button-quiet" href={`/admin/runs/${run.id}`}>
          See the run
        </a>
      )}
      {status === 'suspended' && !tenant.heldBy && !tenant.noReturn && !isBusy(tenant) && (
        <Post to={`/admin/tenants/${id}/resumption`} label="Resume" />
      )}
      {run?.kind === 'delete' && (run.canCancel || run.canUndo) && (
        <Post to={`/admin/tenants/${id}/deletion-withdrawal`} label="Bring back" />
      )}
      {run?.canRetry && <Post to={`/admin/runs/${run.id}/retry`} label="Retry" />}
      {run?.canUndo && run.kind !== 'delete' && (
        <a class="button button-danger" href={`/admin/runs/${run.id}/undo`}>
          Undo…
        </a>
      )}
    </>
  )
}

/** What is out of the ordinary with a tenant, in sentences. */
export function TenantState(tenant: TenantStateView): Html | null {
  const { run, subdomain, status } = tenant
  if (run?.status === 'failed') return <Stopped run={run} tenant={tenant} />
  if (status === 'deleting' && run?.kind === 'delete' && run.direction === 'forward') {
    return <GoingAway run={run} tenant={tenant} />
  }
  if (run && isBusy(tenant)) {
    return (
      <Notice tone="info" title={`${runTitle({ ...run, tenant: { subdomain } })}: at work right now`}>
        <p>
          <a href={`/admin/runs/${run.id}`}>Its run</a> holds the tenant, begun{' '}
          <Time at={run.createdAt} now={tenant.now} />. Nothing else can be done until it has ended.
        </p>
      </Notice>
    )
  }
  return status === 'suspended' ? <Suspended {...tenant} /> : null
}

function Stopped({ run, tenant }: { run: TenantRun; tenant: TenantStateView }): Html {
  const title = runTitle({ ...run, tenant })
  const ways = [run.canRetry && 'retry it from the failed step', run.canUndo && 'undo it'].filter(Boolean)
  return (
    <Notice tone="bad" title={`${title}: stopped`}>
      <p>{tenant.statusReason ?? run.reason ?? 'No reason was recorded.'}</p>
      <p>
        <a href={`/admin/runs/${run.id}`}>See the run</a>
        {ways.length > 0 && `, then ${ways.join(' or ')}`}.
      </p>
    </Notice>
  )
}

function GoingAway({ run, tenant }: { run: TenantRun; tenant: TenantStateView }): Html {
  const { deleteAt, now } = tenant
  if (!run.canCancel || deleteAt === null) {
    return (
      <Notice tone="bad" title="This tenant is being deleted">
        <p>
          It can no longer be brought back. <a href={`/admin/runs/${run.id}`}>Follow the run.</a>
        </p>
      </Notice>
    )
  }
  return (
    <Notice tone="bad" title="This tenant is going to be deleted">
      <p>
        It runs on until its last backup is made, and then it goes: <Time at={deleteAt} now={now} />. Until
        then one click brings it back as it was.
      </p>
    </Notice>
  )
}

/** A tenant that can't be started before it has another release or other data. */
export function NoReturn({ id, noReturn, ...tenant }: TenantStateView): Html | null {
  if (!noReturn || isBusy(tenant)) return null
  return (
    <Notice tone="bad" title="Its release can’t live with its data">
      <p>{noReturn.words}</p>
      <p>
        Until then it can’t be resumed, moved, or given another plan or other secrets.{' '}
        <a href={`/admin/tenants/${id}/deployment`}>Deploy a release</a>
        {noReturn.backupId && (
          <>
            {' '}
            or{' '}
            <a href={`/admin/tenants/${id}/backups/${noReturn.backupId}/restoration`}>
              restore the backup from before it
            </a>
          </>
        )}
        .
      </p>
    </Notice>
  )
}

const CAUSES = {
  operator: 'An operator suspended it',
  unpaid: 'It is not paid for',
  canceled: 'Its subscription has ended',
}

const WAYS_BACK = {
  unpaid: 'It can’t be resumed before its invoice is paid at Stripe.',
  canceled: 'It can’t be resumed before its customer is subscribed at Stripe again.',
}

/** What a customer owes whose tenant still runs. */
export function Debt({ status, debt, now }: TenantStateView): Html | null {
  if (!debt || status !== 'active') return null
  return (
    <Notice tone="bad" title="This tenant is not paid for">
      <p>
        Its invoice is unpaid since <Time at={debt.unpaidSince} now={now} />. Unless it is paid, the tenant is
        suspended: <Time at={debt.suspendsAt} now={now} />.
      </p>
    </Notice>
  )
}

function Suspended({ suspendedFor, suspendedAt, heldBy, now }: TenantStateView): Html {
  return (
    <Notice tone="info" title="This tenant is suspended">
      <p>
        {CAUSES[suspendedFor ?? 'operator']}
        {suspendedAt !== null && (
          <>
            {' '}
            (<Time at={suspendedAt} now={now} />)
          </>
        )}
        . Its app is stopped; its name, server and data are all there. {heldBy && WAYS_BACK[heldBy]}
      </p>
    </Notice>
  )
}

function Post({ to, label }: { to: string; label: string }): Html {
  return (
    <form method="post" action={to}>
      <button class="button button-primary" type="submit">
        {label}
      </button>
    </form>
  )
}
