import { describedBy, Field } from '../components/field'
import type { Html } from '../jsx-runtime'
import { AdminHeading, AdminPage, type Operator } from '../layout/admin-page'

export type TagsProps = {
  operator: Operator
  tenant: { id: string; subdomain: string }
  /** As it is written: words with commas between them. */
  value: string
  error?: string
}

/** What a tenant is marked with, so that a rollout may begin with all that have a tag. */
export function TagsPage({ operator, tenant, value, error }: TagsProps): Html {
  const title = `Tags of ${tenant.subdomain}`
  const back = { href: `/admin/tenants/${tenant.id}`, label: tenant.subdomain }
  return (
    <AdminPage operator={operator} section="tenants" title={error ? 'Error: tags' : title}>
      <AdminHeading title={title} back={back} />
      <form class="card form undo" method="post" action={`/admin/tenants/${tenant.id}/tags`} novalidate>
        <Field
          name="tags"
          label="Tags"
          hint="Such as beta, with commas between them. tag:beta names all that have it as canaries."
          error={error}
        >
          <input
            id="tags"
            name="tags"
            type="text"
            value={value}
            autocomplete="off"
            autocapitalize="none"
            spellcheck="false"
            aria-invalid={error !== undefined}
            aria-describedby={describedBy('tags', { hint: true, error })}
          />
        </Field>
        <p class="button-row">
          <button class="button button-primary" type="submit">
            Save
          </button>
          <a class="button button-quiet" href={back.href}>
            Leave them
          </a>
        </p>
      </form>
    </AdminPage>
  )
}
