import { describedBy, Field } from '../components/field'
import type { Html } from '../jsx-runtime'

/** What a person says of a release; empty is as it is known. */
export type ReleaseForm = {
  tag: string
  notes: string
  migration: string
  /** `yes`, `no`, or empty: only before a release without a way back. */
  backup: string
  /** Of the images that were shown, with spaces between them. */
  digests: string
}

export type ReleaseFieldsProps = {
  form: ReleaseForm
  errors: Record<string, string | undefined>
  /** Releases that are known already, newest first. */
  known: string[]
  /** Whether the blueprint says itself what its releases do to the data. */
  isNoted: boolean
}

/** What a form that starts a release says it was shown. */
export function digestsIn({ images }: { images: readonly { digest: string }[] }): string {
  return images.map(({ digest }) => digest).join(' ')
}

export const RELEASE_LABELS: Record<keyof ReleaseForm, string> = {
  tag: 'Tag',
  notes: 'Notes',
  migration: 'Migration',
  backup: 'Backup first',
  digests: 'Images',
}

const MIGRATIONS = [
  { value: 'none', label: 'Leaves the data as it is (none)' },
  { value: 'reversible', label: 'Can be taken back (reversible)' },
  { value: 'expand', label: 'Only adds: the former release lives with it (expand)' },
  { value: 'contract', label: 'More than that: there is no way back (contract)' },
]
const BACKUPS = [
  { value: '', label: 'Only if there is no way back' },
  { value: 'yes', label: 'Back each tenant up first' },
  { value: 'no', label: 'No backup' },
]

/** Which release, and what it does to the data. */
export function ReleaseFields({ form, errors, known, isNoted }: ReleaseFieldsProps): Html {
  const unsaid = isNoted ? 'As releases.yaml says' : 'Choose, unless the release is known already'
  return (
    <>
      <Words
        name="tag"
        label={RELEASE_LABELS.tag}
        value={form.tag}
        error={errors.tag}
        hint="Of the app’s image in the registry, such as v43."
        known={known}
      />
      <Words
        name="notes"
        label={RELEASE_LABELS.notes}
        value={form.notes}
        error={errors.notes}
        hint="What is new, for whoever looks here later."
      />
      <Choice
        name="migration"
        label={RELEASE_LABELS.migration}
        value={form.migration}
        error={errors.migration}
        options={[{ value: '', label: unsaid }, ...MIGRATIONS]}
        hint="What it does to the data. That is asked once for each release."
      />
      <Choice
        name="backup"
        label={RELEASE_LABELS.backup}
        value={form.backup}
        error={errors.backup}
        options={BACKUPS}
      />
    </>
  )
}

type FieldProps = { name: string; label: string; value: string; error: string | undefined; hint?: string }

/** A line of text; `usual` stands for an empty one, and `known` is offered while somebody types. */
export function Words(props: FieldProps & { usual?: string; known?: string[] }): Html {
  const { name, label, value, error, hint, usual, known = [] } = props
  return (
    <Field name={name} label={label} hint={hint} error={error}>
      <input
        id={name}
        name={name}
        type="text"
        value={value}
        placeholder={usual}
        list={known.length > 0 ? `${name}-known` : undefined}
        autocomplete="off"
        autocapitalize="none"
        spellcheck="false"
        aria-invalid={error !== undefined}
        aria-describedby={describedBy(name, { hint: Boolean(hint), error })}
      />
      {known.length > 0 && (
        <datalist id={`${name}-known`}>
          {known.map((one) => (
            <option value={one} />
          ))}
        </datalist>
      )}
    </Field>
  )
}

type ChoiceProps = FieldProps & { options: { value: string; label: string }[] }

export function Choice({ name, label, value, error, hint, options }: ChoiceProps): Html {
  return (
    <Field name={name} label={label} hint={hint} error={error}>
      <select id={name} name={name} aria-describedby={describedBy(name, { hint: Boolean(hint), error })}>
        {options.map((option) => (
          <option value={option.value} selected={option.value === value}>
            {option.label}
          </option>
        ))}
      </select>
    </Field>
  )
}
