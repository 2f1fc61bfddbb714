import type { Child, Html } from '../jsx-runtime'

/** The message beside a field that was refused; its id is what `describedBy` points to. */
export function FieldError({ name, error }: { name: string; error?: string }): Html | null {
  if (!error) return null
  return (
    <p class="field-error" id={`${name}-error`}>
      <span class="visually-hidden">Error: </span>
      {error}
    </p>
  )
}

/** The ids that describe a field, for `aria-describedby`: its hint where it has one, its error where it has one. */
export function describedBy(name: string, has: { hint?: boolean; error?: string }): string | undefined {
  const ids = [has.hint && `${name}-hint`, has.error && `${name}-error`].filter(Boolean)
  return ids.length > 0 ? ids.join(' ') : undefined
}

/** What is wrong with a form, before it, each line leading to its field. `labels` gives the order and the words. */
export function ErrorSummary(props: {
  errors: Record<string, string | undefined>
  labels: Record<string, string>
  problem?: string
}): Html | null {
  const wrong = Object.entries(props.labels).filter(([name]) => props.errors[name])
  if (wrong.length === 0 && !props.problem) return null
  return (
    <div class="notice notice-bad" role="alert" id="errors" tabindex={-1}>
      <div>
        <p class="notice-title">{props.problem ?? 'Please look at this again'}</p>
        {wrong.length > 0 && (
          <ul class="plain">
            {wrong.map(([name, label]) => (
              <li>
                <a href={`#${name}`}>{label}</a>: {props.errors[name]}
              </li>
            ))}
          </ul>
        )}
      </div>
    </div>
  )
}

/** A label with its control, hint and error. The control carries `id={name}`. */
export function Field(props: {
  name: string
  label: string
  hint?: string
  error?: string
  children: Child
}): Html {
  return (
    <div class={['field', props.error && 'field-wrong'].filter((one) => typeof one === 'string')}>
      <label for={props.name}>{props.label}</label>
      {props.children}
      <FieldError name={props.name} error={props.error} />
      {props.hint && (
        <p class="field-hint" id={`${props.name}-hint`}>
          {props.hint}
        </p>
      )}
    </div>
  )
}
