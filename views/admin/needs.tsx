import { Badge } from '../components/badge'
import { Check } from '../components/icons'
import { type Money, moneyText } from '../components/money'
import { Time } from '../components/time'
import type { Child, Html } from '../jsx-runtime'
import type { AilingTenant, HealthCounts } from './health'
import { type RunRow, runTitle } from './run-list'

/** A paid signup that waits for the operator's approval. */
export type WaitingSignup = {
  id: string
  subdomain: string
  email: string
  planName: string
  price: Money
  paidAt: number
}

/** Something that could not be dealt with: a message from or to outside, or a backup that is overdue. */
export type Trouble = {
  /** What it is: 'Event checkout.session.completed', 'Mail welcome to ada@example.com'. */
  title: string
  reason: string
  at: number
  /** The address behind which it is retried or dismissed; null when a person can do neither here. */
  action: string | null
  /** The page that shows more of it. */
  href?: string
}

/** What waits for a person. */
export type NeedsData = {
  waiting: WaitingSignup[]
  troubles: Trouble[]
  failedRuns: RunRow[]
  /** Rollouts that do nothing until a person has looked. */
  rollouts: { id: string; tag: string; status: 'held' | 'frozen'; reason: string | null; createdAt: number }[]
  /** Of what there is more than stands here. */
  more: { failedRuns: boolean; troubles: boolean; waiting: boolean }
  /** How all tenants are, and some of those that are down. */
  health: { counts: HealthCounts; down: AilingTenant[] }
  now: number
}

/** Everything that waits for a person, on the overview. */
export function Needs({ waiting, failedRuns, rollouts, troubles, more, health, now }: NeedsData): Html {
  return (
    <section class="block" aria-labelledby="needs-title">
      <h2 id="needs-title">Needs you now</h2>
      {waiting.length + failedRuns.length + rollouts.length + troubles.length + health.down.length === 0 ? (
        <p class="calm">
          <Check /> Nothing. Paid signups, failed runs and tenants that are down appear here by themselves.
        </p>
      ) : (
        <ul class="needs plain">
          {rollouts.map((rollout) => (
            <WaitingRollout rollout={rollout} now={now} />
          ))}
          <Down {...health} now={now} />
          {failedRuns.map((run) => (
            <FailedRun run={run} now={now} />
          ))}
          {more.failedRuns && (
            <More>
              <a href="/admin/runs?status=failed">More runs have failed</a>
            </More>
          )}
          {troubles.map((trouble) => (
            <TroubleItem trouble={trouble} now={now} />
          ))}
          {more.troubles && <More>There are more of these; they appear once some are dealt with.</More>}
          {waiting.map((signup) => (
            <WaitingApproval signup={signup} now={now} />
          ))}
          {more.waiting && (
            <More>
              <a href="/admin/signups?status=paid&sort=created&dir=asc">
                More signups wait for your approval
              </a>
            </More>
          )}
        </ul>
      )}
    </section>
  )
}

/** A last line under as many as the overview shows of a kind. */
function More({ children }: { children?: Child }): Html {
  return <li class="need">{children}</li>
}

function Down({ counts, down, now }: NeedsData['health'] & { now: number }): Html {
  const more = counts.unhealthy - down.length
  return (
    <>
      {down.map((tenant) => (
        <DownTenant tenant={tenant} now={now} />
      ))}
      {more > 0 && (
        <li class="need">
          <a href="/admin/health?state=unhealthy">
            {more} more {more === 1 ? 'tenant is' : 'tenants are'} down
          </a>
        </li>
      )}
    </>
  )
}

function WaitingRollout({ rollout, now }: { rollout: NeedsData['rollouts'][number]; now: number }): Html {
  const { id, tag, status, reason, createdAt } = rollout
  return (
    <li class="need">
      <div class="need-body">
        <p>
          <Badge status={status} /> <strong>Rollout of {tag}</strong>{' '}
          <span class="muted">
            <Time at={createdAt} now={now} />
          </span>
        </p>
        <p>{reason ?? 'It goes on when somebody resumes it.'}</p>
      </div>
      <div class="need-actions">
        <a class="button button-quiet" href={`/admin/rollouts/${id}`}>
          Look<span class="visually-hidden"> at the rollout of {tag}</span>
        </a>
      </div>
    </li>
  )
}

function DownTenant({ tenant, now }: { tenant: AilingTenant; now: number }): Html {
  return (
    <li class="need">
      <div class="need-body">
        <p>
          <Badge status="down" /> <strong>{tenant.subdomain}</strong>{' '}
          <span class="muted">{tenant.changedAt !== null && <Time at={tenant.changedAt} now={now} />}</span>
        </p>
        <p>{tenant.reason ?? 'It gives no good answer.'}</p>
      </div>
      <div class="need-actions">
        <a class="button button-quiet" href={`/admin/tenants/${tenant.tenantId}`}>
          Look<span class="visually-hidden"> at {tenant.subdomain}</span>
        </a>
      </div>
    </li>
  )
}

function FailedRun({ run, now }: { run: RunRow; now: number }): Html {
  return (
    <li class="need">
      <div class="need-body">
        <p>
          <Badge status="failed" /> <strong>{runTitle(run)}</strong>{' '}
          <span class="muted">
            <Time at={run.finishedAt ?? run.createdAt} now={now} />
          </span>
        </p>
        <p>
          {run.stepTitle && `${run.stepTitle}: `}
          {run.reason ?? 'No reason was recorded.'}
        </p>
      </div>
      <div class="need-actions">
        <form method="post" action={`/admin/runs/${run.id}/retry`}>
          <button class="button button-primary" type="submit">
            Retry<span class="visually-hidden"> {runTitle(run)}</span>
          </button>
        </form>
        <a class="button button-quiet" href={`/admin/runs/${run.id}`}>
          Look<span class="visually-hidden"> at {runTitle(run)}</span>
        </a>
      </div>
    </li>
  )
}

function TroubleItem({ trouble, now }: { trouble: Trouble; now: number }): Html {
  return (
    <li class="need">
      <div class="need-body">
        <p>
          <Badge status="failed" /> <strong>{trouble.title}</strong>{' '}
          <span class="muted">
            <Time at={trouble.at} now={now} />
          </span>
        </p>
        <p>{trouble.reason}</p>
        {trouble.action !== null && (
          <details class="row-note">
            <summary>
              Dismiss<span class="visually-hidden">: {trouble.title}</span>…
            </summary>
            <p>It leaves this list and is not tried again. The audit log keeps who said so.</p>
            <form method="post" action={`${trouble.action}/dismissal`}>
              <button class="button button-quiet" type="submit">
                Dismiss it<span class="visually-hidden">: {trouble.title}</span>
              </button>
            </form>
          </details>
        )}
      </div>
      <div class="need-actions">
        {trouble.action !== null && (
          <form method="post" action={`${trouble.action}/retry`}>
            <button class="button button-primary" type="submit">
              Try again<span class="visually-hidden">: {trouble.title}</span>
            </button>
          </form>
        )}
        {trouble.href && (
          <a class="button button-quiet" href={trouble.href}>
            Look<span class="visually-hidden">: {trouble.title}</span>
          </a>
        )}
      </div>
    </li>
  )
}

function WaitingApproval({ signup, now }: { signup: WaitingSignup; now: number }): Html {
  return (
    <li class="need">
      <div class="need-body">
        <p>
          <Badge status="paid" /> <strong>{signup.subdomain}</strong>{' '}
          <span class="muted">
            paid <Time at={signup.paidAt} now={now} />
          </span>
        </p>
        <p>
          {signup.email} · {signup.planName}, {moneyText(signup.price)}
        </p>
      </div>
      <div class="need-actions">
        <form method="post" action={`/admin/signups/${signup.id}/approval`}>
          <button class="button button-primary" type="submit">
            Approve<span class="visually-hidden"> {signup.subdomain}</span>
          </button>
        </form>
      </div>
    </li>
  )
}
