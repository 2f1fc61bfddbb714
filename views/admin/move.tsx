import { type Money, moneyText } from '../components/money'
import { NameField } from '../components/name-field'
import { Notice } from '../components/notice'
import { listHref } from '../components/pager'
import { sizeWords } from '../components/size'
import { relativeTime, Time } from '../components/time'
import type { Html } from '../jsx-runtime'
import { AdminHeading, AdminPage, type Operator } from '../layout/admin-page'
import { UnverifiedField } from './unverified'

export type MoveProps = {
  operator: Operator
  tenant: { id: string; subdomain: string }
  from: { name: string; serverType: string | null; location: string | null }
  to: { serverType: string; location: string }
  /** The plan that it has afterwards, whether that is another than now, and what could be chosen instead. */
  plan: { id: string; name: string; price: Money; interval: 'month' | 'year' }
  isOtherPlan: boolean
  others: { id: string; name: string }[]
  /** Whether the old server answers, so that the data can be copied as it is. */
  answers: boolean
  /** The backup that was chosen, or else the newest of the app. */
  backup: { id: string; createdAt: number; sizeBytes: number | null } | null
  /** Whether that backup was chosen instead of the data as it is. */
  isChosen: boolean
  /** Whether the backup that is used was found in the storage, and nobody can vouch for it. */
  isUnverified: boolean
  /** For how many minutes visitors get no answer. */
  minutes: number
  value?: string
  error?: string
  unverifiedError?: string
  now: number
}

/** Asks before a tenant moves to a new server: with which data, for how long it is away, and what is lost. */
export function MovePage(props: MoveProps): Html {
  const { operator, tenant, answers, minutes, value, error } = props
  const back = { href: `/admin/tenants/${tenant.id}`, label: tenant.subdomain }
  const title = `Move ${tenant.subdomain}`
  return (
    <AdminPage
      operator={operator}
      section="tenants"
      title={error || props.unverifiedError ? 'Error: move' : title}
    >
      <AdminHeading title={`${title} to a new server?`} back={back} />
      {!answers && <Notice tone="bad" title="The old server does not answer" />}
      <div class="card form undo">
        <MoveFacts {...props} />
        <p>What is lost:</p>
        <ul class="losses">
          {dataLoss(props) && <li>{dataLoss(props)}</li>}
          <li>The old server {props.from.name}, once the app is healthy on the new one</li>
          <li>Visitors get no answer for about {minutes === 1 ? 'a minute' : `${minutes} minutes`}</li>
        </ul>
        <p>Until the new server is the tenant’s own, everything can be taken back.</p>
        <form class="form" method="post" action={`/admin/tenants/${tenant.id}/move`} novalidate>
          {props.isOtherPlan && <input type="hidden" name="plan" value={props.plan.id} />}
          {props.isChosen && <input type="hidden" name="backup" value={props.backup?.id} />}
          {!answers && !props.isChosen && <input type="hidden" name="accept_older_backup" value="true" />}
          {props.isUnverified && <UnverifiedField error={props.unverifiedError} />}
          <NameField subdomain={tenant.subdomain} value={value} error={error} />
          <p class="button-row">
            <button class="button button-danger-solid" type="submit">
              Move
            </button>
            <a class="button button-quiet" href={back.href}>
              Leave it where it is
            </a>
          </p>
        </form>
      </div>
    </AdminPage>
  )
}

function MoveFacts(props: MoveProps): Html {
  const { from, to, backup, now } = props
  const place = (server: { serverType: string | null; location: string | null }) =>
    [server.serverType, server.location].filter(Boolean).join(' in ') || 'not known'
  return (
    <dl class="facts">
      <dt>From</dt>
      <dd>
        {from.name}, {place(from)}
      </dd>
      <dt>To</dt>
      <dd>a new {place(to)}</dd>
      <dt>Plan</dt>
      <dd>
        <Plan {...props} />
      </dd>
      <dt>{props.isChosen ? 'Chosen backup' : 'Newest backup'}</dt>
      <dd>
        {backup ? (
          <>
            made <Time at={backup.createdAt} now={now} />, {sizeWords(backup.sizeBytes ?? 0)}
          </>
        ) : (
          'none yet; one is made on the way'
        )}
      </dd>
    </dl>
  )
}

function Plan({ tenant, plan, isOtherPlan, others, backup, isChosen }: MoveProps): Html {
  const path = `/admin/tenants/${tenant.id}/move`
  const chosen = isChosen ? backup?.id : undefined
  return (
    <>
      {isOtherPlan ? 'becomes' : 'stays'} {plan.name}, {moneyText(plan.price)} /{plan.interval}
      {isOtherPlan && ', the difference prorated'}
      {others.map(({ id, name }) => (
        <a class="fact-line" href={listHref(path, { backup: chosen, plan: id })}>
          Move to {name} instead
        </a>
      ))}
    </>
  )
}

function dataLoss({ answers, isChosen, backup, now }: MoveProps): string | null {
  if (!backup || (answers && !isChosen)) return null
  return `Everything that was changed in the app since the backup, made ${relativeTime(backup.createdAt, now)}`
}
