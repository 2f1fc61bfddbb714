import { NameField } from '../components/name-field'
import type { Html } from '../jsx-runtime'
import { AdminHeading, AdminPage, type Operator } from '../layout/admin-page'
import { tenantsWords } from './rollout-words'

export type RolloutConfirmProps = {
  operator: Operator
  rollout: { id: string; tag: string }
  /** How many have the release, are at it now, and have not begun. */
  counts: { succeeded: number; deploying: number; waiting: number }
  value?: string
  error?: string
}

/** Asks before a rollout is given up where it is. */
export function AbortionPage({ operator, rollout, counts }: RolloutConfirmProps): Html {
  const { tag } = rollout
  const path = `/admin/rollouts/${rollout.id}`
  return (
    <AdminPage operator={operator} section="rollouts" title={`Abort the rollout of ${tag}`}>
      <AdminHeading
        title={`Abort the rollout of ${tag}?`}
        back={{ href: path, label: `Rollout of ${tag}` }}
      />
      <div class="card form undo">
        <ul>
          <li>{tenantsWords(counts.waiting)} that have not begun keep their release.</li>
          <li>
            {tenantsWords(counts.succeeded)} that have {tag} keep it.
          </li>
          {counts.deploying > 0 && (
            <li>What {tenantsWords(counts.deploying)} are at right now comes to its end first.</li>
          )}
        </ul>
        <p>
          The fleet then runs two releases until another rollout makes them one again. It can’t be resumed.
        </p>
        <form class="form" method="post" action={`${path}/abortion`}>
          <p class="button-row">
            <button class="button button-danger-solid" type="submit">
              Abort
            </button>
            <a class="button button-quiet" href={path}>
              Leave it
            </a>
          </p>
        </form>
      </div>
    </AdminPage>
  )
}

/** Asks before everybody is taken back. */
export function WayBackPage({ operator, rollout, counts, value, error }: RolloutConfirmProps): Html {
  const { tag } = rollout
  const path = `/admin/rollouts/${rollout.id}`
  const going = counts.succeeded + counts.deploying
  return (
    <AdminPage operator={operator} section="rollouts" title={error ? 'Error: roll back' : `Roll back ${tag}`}>
      <AdminHeading
        title={`Take everybody back from ${tag}?`}
        back={{ href: path, label: `Rollout of ${tag}` }}
      />
      <div class="card form undo">
        <ul class="losses">
          <li>{tenantsWords(going)} get the release back that they had before.</li>
          <li>Each of their sites is away for as long as its app takes to start.</li>
          <li>Nobody else gets {tag} from this rollout.</li>
        </ul>
        <p>The data stays as it is: migrations are not taken back.</p>
        <form class="form" method="post" action={`${path}/way-back`} novalidate>
          <NameField subdomain={tag} value={value} error={error} />
          <p class="button-row">
            <button class="button button-danger-solid" type="submit">
              Roll back
            </button>
            <a class="button button-quiet" href={path}>
              Leave it
            </a>
          </p>
        </form>
      </div>
    </AdminPage>
  )
}
