import type { Html } from '../jsx-runtime'
import { describedBy, Field } from './field'

type NameFieldProps = {
  subdomain: string
  /** What was typed, when it was wrong. */
  value?: string
  error?: string
}

/** Where somebody types a tenant's name, to be sure that this is the one. */
export function NameField({ subdomain, value, error }: NameFieldProps): Html {
  return (
    <Field name="confirmation" label={`Type ${subdomain} to confirm`} error={error}>
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
  )
}
