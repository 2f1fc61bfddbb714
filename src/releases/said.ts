import type { Migration } from '../catalog/deploy'
import { invalid } from '../errors'
import type { ReleaseAsked } from './find'

const MIGRATIONS: readonly string[] = ['none', 'reversible', 'expand', 'contract'] satisfies Migration[]
const TAG = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/

/** What is known of a release before it is looked up. */
export type Said = { notes: string; migration?: Migration; backup?: boolean }

/** What is said of a release, by somebody or by its blueprint. Throws `invalid` for what is malformed. */
export function readAsked(
  { tag, notes, migration, backup }: ReleaseAsked,
  notesOfBlueprint: readonly ({ tag: string } & Required<Said>)[],
): Said {
  const fields: Record<string, string> = {}
  if (!TAG.test(tag)) fields.tag = 'Must be the tag of an image, such as v43.'
  if (notes && notes.length > 2000) fields.notes = 'Must not be longer than 2000 characters.'
  if (migration !== undefined && !MIGRATIONS.includes(migration)) fields.migration = MIGRATION_WORDS
  if (Object.keys(fields).length > 0) throw invalid('Some fields need another look.', fields)
  const noted = notesOfBlueprint.find((note) => note.tag === tag)
  // What somebody says anew of the migration leaves nothing of what was noted of its backup.
  const notedBackup = migration === undefined || migration === noted?.migration ? noted?.backup : undefined
  return {
    notes: notes || noted?.notes || '',
    migration: migration ?? noted?.migration,
    backup: backup ?? notedBackup,
  }
}

const MIGRATION_WORDS =
  'Must say what it does to the data: none, reversible, expand (the former release lives with it) or contract (there is no way back).'

/** With what follows from it. Throws `invalid` when nobody says what it does to the data. */
export function complete({ notes, migration, backup }: Said): Required<Said> {
  if (migration === undefined) throw invalid('Some fields need another look.', { migration: MIGRATION_WORDS })
  return { notes, migration, backup: backup ?? migration === 'contract' }
}
