import { describedBy, Field } from '../components/field'
import type { Html } from '../jsx-runtime'

/** Asks whether a backup is taken that was found in the storage, and of which nobody can say that it is as it was made. */
export function UnverifiedField({ error }: { error?: string }): Html {
  const name = 'accept_unverified'
  return (
    <Field
      name={name}
      label="This backup is unverified"
      error={error}
      hint="Atlas’s database had forgotten it, and its checksum with it. It opens with this tenant’s key, but whether it is as it was made nobody can say."
    >
      <label class="check" for={name}>
        <input
          id={name}
          type="checkbox"
          name={name}
          value="yes"
          aria-describedby={describedBy(name, { hint: true, error })}
        />
        Take it all the same
      </label>
    </Field>
  )
}
