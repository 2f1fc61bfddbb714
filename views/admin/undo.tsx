import { describedBy, Field } from '../components/field'
import type { Html } from '../jsx-runtime'
import { AdminHeading, AdminPage, type Operator } from '../layout/admin-page'

export type UndoProps = {
  operator: Operator
  run: { id: string }
  tenant: { id: string; subdomain: string }
  /** What will be lost, one thing a line: 'The server hel1-ada (id 123) with everything on it'. */
  losses: string[]
  /** What was typed, when it was wrong. */
  value?: string
  error?: string
}

/** Asks before a run is undone: what will be lost, and the tenant's name to be sure. */
export function UndoPage({ operator, run, tenant, losses, value, error }: UndoProps): Html {
  const back = { href: `/admin/runs/${run.id}`, label: 'Back to the run' }
  return (
    <AdminPage operator={operator} section="runs" title={error ? 'Error: undo' : `Undo ${tenant.subdomain}`}>
      <AdminHeading title={`Undo ${tenant.subdomain}?`} back={back} />
      <div class="card form undo">
        {losses.length > 0 ? (
          <>
            <p>This takes back what the run has done. It removes:</p>
            <ul class="losses">
              {losses.map((loss) => (
                <li>{loss}</li>
              ))}
            </ul>
            <p>
              <strong>It cannot be brought back.</strong>
            </p>
          </>
        ) : (
          <p>The run has made nothing outside Atlas yet, so nothing outside will be removed.</p>
        )}
        <form class="form" method="post" action={`/admin/runs/${run.id}/undo`} novalidate>
          <Field name="confirmation" label={`Type ${tenant.subdomain} to confirm`} error={error}>
            <input
              id="confirmation"
              name="confirmation"
              type="text"
              value={value}
              required
              autocomplete="off"
              autocapitalize="none"
              spellcheck="false"
              aria-invalid={error !== undefined}
              aria-describedby={describedBy('confirmation', { error })}
            />
          </Field>
          <p class="button-row">
            <button class="button button-danger-solid" type="submit">
              Undo and remove
            </button>
            <a class="button button-quiet" href={back.href}>
              Keep it
            </a>
          </p>
        </form>
      </div>
    </AdminPage>
  )
}
