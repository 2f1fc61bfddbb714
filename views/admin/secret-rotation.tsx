import type { TenantStatus } from '../components/badge'
import type { Html } from '../jsx-runtime'
import { AdminHeading, AdminPage, type Operator } from '../layout/admin-page'

export type SecretRotationProps = {
  operator: Operator
  tenant: { id: string; subdomain: string; status: TenantStatus }
  /** The settings that get new values, and the generated ones that keep theirs. */
  changing: string[]
  staying: string[]
}

/** Asks before a tenant's secrets are changed. */
export function SecretRotationPage({ operator, tenant, changing, staying }: SecretRotationProps): Html {
  const back = { href: `/admin/tenants/${tenant.id}`, label: tenant.subdomain }
  const title = `Rotate the secrets of ${tenant.subdomain}`
  return (
    <AdminPage operator={operator} section="tenants" title={title}>
      <AdminHeading title={`${title}?`} back={back} />
      <div class="card form undo">
        <p>These get new values:</p>
        <ul class="losses">
          {changing.map((name) => (
            <li>
              <code>{name}</code>
            </li>
          ))}
        </ul>
        {staying.length > 0 && (
          <p>
            The app can’t take a new value of{' '}
            {staying.map((name, at) => (
              <>
                {at > 0 && ', '}
                <code>{name}</code>
              </>
            ))}
            ; that stays as it is.
          </p>
        )}
        <p>
          {tenant.status === 'suspended'
            ? 'The app starts to see that it is well with them, and is stopped again: the tenant stays suspended.'
            : 'The app starts again: visitors wait for a moment and may have to sign in anew.'}{' '}
          The old values are forgotten once it is healthy with the new ones.
        </p>
        <form class="form" method="post" action={`/admin/tenants/${tenant.id}/secret-rotation`}>
          <p class="button-row">
            <button class="button button-primary" type="submit">
              Rotate
            </button>
            <a class="button button-quiet" href={back.href}>
              Keep them
            </a>
          </p>
        </form>
      </div>
    </AdminPage>
  )
}
