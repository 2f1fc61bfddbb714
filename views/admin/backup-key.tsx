import { Empty } from '../components/empty'
import { NameField } from '../components/name-field'
import { Notice } from '../components/notice'
import type { Html } from '../jsx-runtime'
import { AdminHeading, AdminPage, type Operator } from '../layout/admin-page'

export type BackupKeyProps = {
  operator: Operator
  tenant: { id: string; subdomain: string }
  /** Whether there is one: it is made with the first backup and forgotten with the last. */
  hasKey: boolean
  /** What was typed, when it was wrong. */
  value?: string
  error?: string
}

/** Asks before the key of a tenant's backups is shown. */
export function BackupKeyPage({ operator, tenant, hasKey, value, error }: BackupKeyProps): Html {
  const { back, title, path } = wordsFor(tenant)
  return (
    <AdminPage operator={operator} section="tenants" title={error ? 'Error: backup key' : title}>
      <AdminHeading title={title} back={back} />
      {hasKey ? (
        <div class="card form undo">
          <p>
            Whoever has this key and a copy of a backup reads everything that {tenant.subdomain} has in its
            app. Atlas restores backups without showing it to anybody; it is for the day when there is no
            Atlas.
          </p>
          <p>That you were shown it stands in the tenant’s timeline.</p>
          <form class="form" method="post" action={path} novalidate>
            <NameField subdomain={tenant.subdomain} value={value} error={error} />
            <p class="button-row">
              <button class="button button-primary" type="submit">
                Show the key
              </button>
              <a class="button button-quiet" href={back.href}>
                Leave it sealed
              </a>
            </p>
          </form>
        </div>
      ) : (
        <Empty title="There is no key">
          <p>It is made with the first backup of the app, and forgotten with the last one.</p>
        </Empty>
      )}
    </AdminPage>
  )
}

/** The key itself. */
export function BackupKeyShown({
  operator,
  tenant,
  identity,
}: Pick<BackupKeyProps, 'operator' | 'tenant'> & { identity: string }): Html {
  const { back, title } = wordsFor(tenant)
  return (
    <AdminPage operator={operator} section="tenants" title={title}>
      <AdminHeading title={title} back={back} />
      <Notice tone="info" title="Keep it like a password: it opens every backup of this tenant." />
      <p class="log log-line">{identity}</p>
      <p>With it, and a backup from the storage:</p>
      <p class="log log-line">age --decrypt --identity key.txt backup.age | tar --extract</p>
    </AdminPage>
  )
}

function wordsFor({ id, subdomain }: BackupKeyProps['tenant']) {
  return {
    title: `Backup key of ${subdomain}`,
    back: { href: `/admin/tenants/${id}/backups`, label: `Backups of ${subdomain}` },
    path: `/admin/tenants/${id}/backup-key`,
  }
}
