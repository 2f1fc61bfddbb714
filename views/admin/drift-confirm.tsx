import { NameField } from '../components/name-field'
import type { Html } from '../jsx-runtime'
import { AdminHeading, AdminPage, type Operator } from '../layout/admin-page'

export type ConfirmFindingProps = {
  operator: Operator
  finding: { id: string; title: string; would: string; button: string }
  /** What has to be typed: the name of what will be lost. */
  name: string
  value?: string
  error?: string
}

const BACK = { href: '/admin/drift', label: 'Back to drift' }

/** Asks before something is deleted for a finding: what it is, and its name to be sure. */
export function ConfirmFindingPage({ operator, finding, name, value, error }: ConfirmFindingProps): Html {
  return (
    <AdminPage
      operator={operator}
      section="drift"
      title={error ? `Error: ${finding.button}` : finding.button}
    >
      <AdminHeading title={`${finding.button}?`} back={BACK} />
      <div class="card form undo">
        <p>{finding.title}.</p>
        <p>
          {finding.would} <strong>It cannot be brought back.</strong>
        </p>
        <p>Right before, Atlas looks at it once more, and leaves it alone if anything has changed.</p>
        <form class="form" method="post" action={`/admin/drift/${finding.id}/application`} novalidate>
          <NameField subdomain={name} value={value} error={error} />
          <p class="button-row">
            <button class="button button-danger-solid" type="submit">
              {finding.button}
            </button>
            <a class="button button-quiet" href={BACK.href}>
              Keep it
            </a>
          </p>
        </form>
      </div>
    </AdminPage>
  )
}

export type ConfirmAllProps = {
  operator: Operator
  /** What would be done, one thing a line, those that delete first. */
  deletes: string[]
  others: string[]
  /** What has to be typed when something is deleted. */
  phrase: string
  value?: string
  error?: string
}

/** Everything that would be done now, and a phrase to be sure when something is deleted. */
export function ConfirmAllPage(props: ConfirmAllProps): Html {
  const { operator, deletes, others, error } = props
  const count = deletes.length + others.length
  return (
    <AdminPage operator={operator} section="drift" title={error ? 'Error: apply' : 'Apply'}>
      <AdminHeading title={count === 1 ? 'Apply one finding?' : `Apply ${count} findings?`} back={BACK} />
      <div class="card form undo">
        {count === 0 && <p>There is nothing that may be applied now.</p>}
        {deletes.length > 0 && (
          <>
            <p>
              It deletes, and <strong>none of this can be brought back</strong>:
            </p>
            <Lines lines={deletes} />
          </>
        )}
        {others.length > 0 && (
          <>
            <p>{deletes.length > 0 ? 'Besides, it does this:' : 'It does this, and deletes nothing:'}</p>
            <Lines lines={others} />
          </>
        )}
        {count > 0 && <p>Atlas looks at each thing once more, and leaves alone what has changed.</p>}
        <form class="form" method="post" action="/admin/drift/application" novalidate>
          {deletes.length > 0 && <NameField subdomain={props.phrase} value={props.value} error={error} />}
          <p class="button-row">
            {count > 0 && (
              <button
                class={['button', deletes.length > 0 ? 'button-danger-solid' : 'button-primary']}
                type="submit"
              >
                Look again and apply
              </button>
            )}
            <a class="button button-quiet" href={BACK.href}>
              Leave it
            </a>
          </p>
        </form>
      </div>
    </AdminPage>
  )
}

const LINES_MAX = 50

function Lines({ lines }: { lines: string[] }): Html {
  return (
    <ul class="losses">
      {lines.slice(0, LINES_MAX).map((line) => (
        <li>{line}</li>
      ))}
      {lines.length > LINES_MAX && <li>and {lines.length - LINES_MAX} more</li>}
    </ul>
  )
}
