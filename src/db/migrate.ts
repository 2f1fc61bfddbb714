import type { Database } from 'bun:sqlite'
import createTheDomain from '../../migrations/0001_create_the_domain.sql' with { type: 'text' }
import carryTheWholeLife from '../../migrations/0002_carry_the_whole_life.sql' with { type: 'text' }
import rollOutReleases from '../../migrations/0003_roll_out_releases.sql' with { type: 'text' }
import sayWhatWasNotSeen from '../../migrations/0004_say_what_was_not_seen.sql' with { type: 'text' }
import countTargets from '../../migrations/0005_count_targets.sql' with { type: 'text' }
import forgetInTime from '../../migrations/0006_forget_in_time.sql' with { type: 'text' }
import dismissAMail from '../../migrations/0007_dismiss_a_mail.sql' with { type: 'text' }
import knowWhoCannotGoBack from '../../migrations/0008_know_who_cannot_go_back.sql' with { type: 'text' }
import findFailedEvents from '../../migrations/0009_find_failed_events.sql' with { type: 'text' }
import { conflict } from '../errors'

type Migration = { version: number; name: string; sql: string }

/** Every migration, in order, inside the binary. */
export const MIGRATIONS: readonly Migration[] = [
  { version: 1, name: 'create_the_domain', sql: createTheDomain },
  { version: 2, name: 'carry_the_whole_life', sql: carryTheWholeLife },
  { version: 3, name: 'roll_out_releases', sql: rollOutReleases },
  { version: 4, name: 'say_what_was_not_seen', sql: sayWhatWasNotSeen },
  { version: 5, name: 'count_targets', sql: countTargets },
  { version: 6, name: 'forget_in_time', sql: forgetInTime },
  { version: 7, name: 'dismiss_a_mail', sql: dismissAMail },
  { version: 8, name: 'know_who_cannot_go_back', sql: knowWhoCannotGoBack },
  { version: 9, name: 'find_failed_events', sql: findFailedEvents },
]

/**
 * Brings a database to this Atlas's version, one transaction a migration; resolves to the versions applied.
 * Throws `conflict` when the database is newer than this Atlas.
 */
export function migrate(sqlite: Database, nowMs: number, migrations = MIGRATIONS): number[] {
  sqlite.exec(
    'CREATE TABLE IF NOT EXISTS migrations (version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at INTEGER NOT NULL) STRICT',
  )
  const version = currentVersion(sqlite)
  refuseNewer(version, migrations)
  const missing = migrations.filter((migration) => migration.version > version)
  for (const migration of missing) apply(sqlite, migration, nowMs)
  return missing.map((migration) => migration.version)
}

/** Throws `conflict` when the database is not at this Atlas's version; changes nothing. */
export function requireCurrent(sqlite: Database, migrations = MIGRATIONS): void {
  const version = currentVersion(sqlite)
  refuseNewer(version, migrations)
  if (version < knownVersion(migrations)) {
    throw conflict(
      'The database was last used by an older Atlas. Start this Atlas once first: it brings it up to date.',
    )
  }
}

function refuseNewer(version: number, migrations: readonly Migration[]): void {
  const known = knownVersion(migrations)
  if (version <= known) return
  throw conflict(
    `The database is at version ${version}, and this Atlas knows only up to ${known}. Start the newer Atlas that wrote it, or restore a backup from before.`,
  )
}

function knownVersion(migrations: readonly Migration[]): number {
  return migrations.at(-1)?.version ?? 0
}

function currentVersion(sqlite: Database): number {
  const isEmpty = !sqlite.query("SELECT 1 FROM sqlite_schema WHERE name = 'migrations'").get()
  if (isEmpty) return 0
  const row = sqlite.query('SELECT coalesce(max(version), 0) AS version FROM migrations').get()
  return (row as { version: number }).version
}

function apply(sqlite: Database, migration: Migration, nowMs: number): void {
  sqlite
    .transaction(() => {
      // Another process may have applied it while this one waited for the lock.
      if (currentVersion(sqlite) >= migration.version) return
      sqlite.exec(migration.sql)
      sqlite.query('INSERT INTO migrations VALUES (?1, ?2, ?3)').run(migration.version, migration.name, nowMs)
    })
    .immediate()
}
