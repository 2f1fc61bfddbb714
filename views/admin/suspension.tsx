import type { Html } from '../jsx-runtime'
import { AdminHeading, AdminPage, type Operator } from '../layout/admin-page'

export type SuspensionProps = {
  operator: Operator
  tenant: { id: string; subdomain: string; ownerEmail: string }
  /** Whether visitors get a page that says so. */
  hasHoldingPage: boolean
}

/** Asks before a tenant is suspended. */
export function SuspensionPage({ operator, tenant, hasHoldingPage }: SuspensionProps): Html {
  const back = { href: `/admin/tenants/${tenant.id}`, label: tenant.subdomain }
  return (
    <AdminPage operator={operator} section="tenants" title={`Suspend ${tenant.subdomain}`}>
      <AdminHeading title={`Suspend ${tenant.subdomain}?`} back={back} />
      <div class="card form undo">
        <ul>
          <li>
            The app stops. {hasHoldingPage ? 'Visitors get a page that says so.' : 'Visitors get no answer.'}
          </li>
          <li>Name, server, data and subscription stay, and so does their price.</li>
          <li>{tenant.ownerEmail} gets a mail.</li>
        </ul>
        <p>Resuming it takes one click.</p>
        <form class="form" method="post" action={`/admin/tenants/${tenant.id}/suspension`}>
          <p class="button-row">
            <button class="button button-danger-solid" type="submit">
              Suspend
            </button>
            <a class="button button-quiet" href={back.href}>
              Leave it running
            </a>
          </p>
        </form>
      </div>
    </AdminPage>
  )
}
