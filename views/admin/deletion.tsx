import { describedBy, ErrorSummary, Field } from '../components/field'
import { NameField } from '../components/name-field'
import type { Html } from '../jsx-runtime'
import { AdminHeading, AdminPage, type Operator } from '../layout/admin-page'

export type DeletionProps = {
  operator: Operator
  tenant: { id: string; subdomain: string; ownerEmail: string }
  /** What will be lost, one thing a line. */
  losses: string[]
  /** For how long its backups are kept, in days. */
  backupDays: number
  /** How many deletions were asked for within the last hour, when another one must be meant. */
  lately: number | null
  values: { days: string; withImage: boolean; confirmation: string }
  errors: { days?: string; confirmation?: string; many?: string }
}

const LABELS = { confirmation: 'The name', days: 'The days', many: 'Many deletions' }

/** Asks before a tenant is deleted: what is lost, until when it can be brought back, and its name to be sure. */
export function DeletionPage(props: DeletionProps): Html {
  const { operator, tenant, losses, errors } = props
  const back = { href: `/admin/tenants/${tenant.id}`, label: tenant.subdomain }
  const isWrong = Object.keys(errors).length > 0
  return (
    <AdminPage
      operator={operator}
      section="tenants"
      title={isWrong ? 'Error: delete' : `Delete ${tenant.subdomain}`}
    >
      <AdminHeading title={`Delete ${tenant.subdomain}?`} back={back} />
      <form class="card form undo" method="post" action={`/admin/tenants/${tenant.id}/deletion`} novalidate>
        <ErrorSummary errors={errors} labels={LABELS} />
        <p>It removes:</p>
        <ul class="losses">
          {losses.map((loss) => (
            <li>{loss}</li>
          ))}
        </ul>
        <p>
          {tenant.ownerEmail} gets a mail. Backups are kept for {props.backupDays} days, and nobody else gets
          the name for 90.
        </p>
        <DaysField {...props} />
        <label class="check" for="image">
          <input id="image" type="checkbox" name="image" value="yes" checked={props.values.withImage} />
          Make an image of the server’s disk first
        </label>
        <ManyField lately={props.lately} error={errors.many} />
        <NameField
          subdomain={tenant.subdomain}
          value={props.values.confirmation}
          error={errors.confirmation}
        />
        <p class="button-row">
          <button class="button button-danger-solid" type="submit">
            Delete
          </button>
          <a class="button button-quiet" href={back.href}>
            Keep it
          </a>
        </p>
      </form>
    </AdminPage>
  )
}

function DaysField({ values, errors }: DeletionProps): Html {
  return (
    <Field
      name="days"
      label="Days in which it can be brought back"
      hint="It runs on until then. With 0 it goes as soon as its last backup is made."
      error={errors.days}
    >
      <input
        id="days"
        name="days"
        type="text"
        inputmode="numeric"
        value={values.days}
        required
        maxlength={2}
        autocomplete="off"
        aria-invalid={errors.days !== undefined}
        aria-describedby={describedBy('days', { hint: true, error: errors.days })}
      />
    </Field>
  )
}

function ManyField({ lately, error }: { lately: number | null; error?: string }): Html | null {
  if (lately === null) return null
  return (
    <Field
      name="many"
      label={`${lately} tenants were given to deletion within the last hour`}
      error={error}
      hint="A mistake would cost many customers their sites, so say that you mean this one too."
    >
      <label class="check" for="many">
        <input
          id="many"
          type="checkbox"
          name="many"
          value="yes"
          aria-describedby={describedBy('many', { hint: true, error })}
        />
        Delete another one
      </label>
    </Field>
  )
}
