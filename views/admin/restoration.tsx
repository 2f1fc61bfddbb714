import type { TenantStatus } from '../components/badge'
import { NameField } from '../components/name-field'
import { sizeWords } from '../components/size'
import { relativeTime, Time } from '../components/time'
import type { Html } from '../jsx-runtime'
import { AdminHeading, AdminPage, type Operator } from '../layout/admin-page'
import { type BackupView, METHOD_WORDS, REASON_WORDS, restorationOf } from './backup-table'
import { UnverifiedField } from './unverified'

export type RestorationProps = {
  operator: Operator
  tenant: { id: string; subdomain: string; release: string; status: TenantStatus }
  backup: BackupView
  /** For how long the backup of what is there now is kept, in days. */
  keptDays: number
  /** What was typed, when it was wrong. */
  value?: string
  error?: string
  unverifiedError?: string
  now: number
}

/** Asks before a backup is put back: how old it is, what is lost, and the tenant's name to be sure. */
export function RestorationPage(props: RestorationProps): Html {
  const { operator, tenant, backup, keptDays, value, error, now } = props
  const back = { href: `/admin/tenants/${tenant.id}`, label: tenant.subdomain }
  const title = `Restore ${tenant.subdomain}`
  return (
    <AdminPage
      operator={operator}
      section="tenants"
      title={error || props.unverifiedError ? 'Error: restore' : title}
    >
      <AdminHeading title={`${title}?`} back={back} />
      <div class="card form undo">
        <dl class="facts">
          <dt>Backup</dt>
          <dd>
            {METHOD_WORDS[backup.method]}, made <Time at={backup.createdAt} now={now} />{' '}
            {REASON_WORDS[backup.reason]}
          </dd>
          <dt>Size</dt>
          <dd>{sizeWords(backup.sizeBytes ?? 0)}</dd>
          {backup.release && backup.release !== tenant.release && (
            <>
              <dt>Release then</dt>
              <dd>
                {backup.release}; it starts at {tenant.release}, as it runs now
              </dd>
            </>
          )}
        </dl>
        <p>What is lost:</p>
        <ul class="losses">
          <li>
            {backup.method === 'app'
              ? 'Everything that was changed in the app'
              : 'Everything that was changed on the server’s disk'}{' '}
            since then, {relativeTime(backup.createdAt, now)}
          </li>
          {tenant.status === 'active' && <li>Visitors get no answer for some minutes</li>}
        </ul>
        <p>
          What is there now is backed up first, and kept for {keptDays} days.
          {tenant.status === 'suspended' && ' The tenant stays suspended.'}
        </p>
        <form class="form" method="post" action={restorationOf(backup)} novalidate>
          {backup.adoptedAt !== null && <UnverifiedField error={props.unverifiedError} />}
          <NameField subdomain={tenant.subdomain} value={value} error={error} />
          <p class="button-row">
            <button class="button button-danger-solid" type="submit">
              Restore
            </button>
            <a class="button button-quiet" href={back.href}>
              Leave it as it is
            </a>
          </p>
        </form>
        {backup.method === 'app' && (
          <p>
            It can also go{' '}
            <a href={`/admin/tenants/${tenant.id}/move?backup=${backup.id}`}>to a new server</a>.
          </p>
        )}
      </div>
    </AdminPage>
  )
}
