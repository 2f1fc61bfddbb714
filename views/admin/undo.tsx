import { NameField } from '../components/name-field'
import type { Html } from '../jsx-runtime'
import { AdminHeading, AdminPage, type Operator } from '../layout/admin-page'
import { PreviewedSteps, type PreviewView } from './preview'
import { runTitle } from './run-list'

export type UndoProps = {
  operator: Operator
  run: { id: string; kind: string }
  tenant: { id: string; subdomain: string }
  /** What will be taken back, step by step; null when this Atlas knows no such run. */
  preview: PreviewView | null
  /** What will be lost, one thing a line: 'The server hel1-ada (id 123) with everything on it'. */
  losses: string[]
  now: number
  /** What was typed, when it was wrong. */
  value?: string
  error?: string
}

/** Asks before a run is undone: what is taken back, what will be lost, and the tenant's name to be sure. */
export function UndoPage({ operator, run, tenant, preview, losses, now, value, error }: UndoProps): Html {
  const title = runTitle({ ...run, direction: 'undo', tenant })
  const back = { href: `/admin/runs/${run.id}`, label: 'Back to the run' }
  return (
    <AdminPage operator={operator} section="runs" title={error ? `Error: ${title}` : title}>
      <AdminHeading title={`${title}?`} back={back} />
      <div class="card form undo">
        {preview && preview.steps.length > 0 && (
          <>
            <p>What these steps have done is taken back, in this order:</p>
            <PreviewedSteps preview={preview} now={now} />
          </>
        )}
        <Losses losses={losses} />
        <form class="form" method="post" action={`/admin/runs/${run.id}/undo`} novalidate>
          <NameField subdomain={tenant.subdomain} value={value} error={error} />
          <p class="button-row">
            <button class="button button-danger-solid" type="submit">
              {losses.length > 0 ? 'Undo and remove' : 'Undo'}
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

/** What will be gone for good. */
function Losses({ losses }: { losses: string[] }): Html {
  if (losses.length === 0) return <p>Nothing is lost by it: everything on the server stays.</p>
  return (
    <>
      <p>It removes:</p>
      <ul class="losses">
        {losses.map((loss) => (
          <li>{loss}</li>
        ))}
      </ul>
      <p>
        <strong>It cannot be brought back.</strong>
      </p>
    </>
  )
}
