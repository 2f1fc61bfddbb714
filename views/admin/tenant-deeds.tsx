import type { TenantStatus } from '../components/badge'
import type { Html } from '../jsx-runtime'
import { isBusy, type TenantStateView } from './tenant-state'

type Deed = {
  label: string
  about: string
  /** The page that asks first: `/admin/tenants/<id>/<page>`. */
  page: string
  statuses: readonly TenantStatus[]
  isHarmful?: true
  /** Starts the app at the release that it has. */
  starts?: true
}

/** What can be done to a tenant, from the gentlest on. */
const DEEDS: Deed[] = [
  {
    label: 'Deploy a release…',
    about: 'Brings this tenant alone to a release, and back by itself when it is not well.',
    page: 'deployment',
    statuses: ['active', 'suspended'],
  },
  {
    label: 'Change the plan…',
    about: 'Gives it another price, and makes its server larger or smaller with everything that is on it.',
    page: 'plan',
    statuses: ['active'],
    starts: true,
  },
  {
    label: 'Move to a new server…',
    about:
      'Takes everything along, or its latest backup when the old server is dead. Can change the plan too.',
    page: 'move',
    statuses: ['active', 'suspended'],
  },
  {
    label: 'Rotate the secrets…',
    about: 'Gives new values to the passwords and keys that its app has of its own.',
    page: 'secret-rotation',
    statuses: ['active', 'suspended'],
    starts: true,
  },
  {
    label: 'Suspend…',
    about: 'Stops the app and tells visitors so. Nothing is deleted.',
    page: 'suspension',
    statuses: ['active'],
  },
  {
    label: 'Delete…',
    about: 'Makes a last backup, waits while it can still be brought back, then removes everything.',
    page: 'deletion',
    statuses: ['active', 'suspended'],
    isHarmful: true,
  },
]

/** Everything that can be done to a tenant as it is, each with what it means. */
export function TenantDeeds(tenant: TenantStateView): Html | null {
  const possible = DEEDS.filter(
    ({ statuses, starts }) => statuses.includes(tenant.status) && !(starts && tenant.noReturn),
  )
  if (possible.length === 0 || isBusy(tenant)) return null
  return (
    <section class="block" aria-labelledby="deeds-title">
      <h2 id="deeds-title">What can be done</h2>
      <ul class="card deeds plain">
        {possible.map(({ label, about, page, isHarmful }) => (
          <li class="deed">
            <p>{about}</p>
            <a
              class={['button', isHarmful ? 'button-danger' : 'button-quiet']}
              href={`/admin/tenants/${tenant.id}/${page}`}
            >
              {label}
            </a>
          </li>
        ))}
      </ul>
    </section>
  )
}
