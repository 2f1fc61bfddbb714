import { Database } from 'bun:sqlite'
import { expect, test } from 'bun:test'
import { MIGRATIONS, migrate } from '../../src/db/migrate'

test('the eighth migration knows whose data a deploy may have changed for good that stopped before it', () => {
  const sqlite = new Database(':memory:')
  migrate(
    sqlite,
    0,
    MIGRATIONS.filter(({ version }) => version < 8),
  )
  sqlite.exec('PRAGMA foreign_keys = OFF')
  for (const [number, migration] of ['none', 'contract', 'none'].entries())
    sqlite.run(
      `INSERT INTO releases (id, blueprint, tag, notes, migration, backup, images, created_by, created_at)
        VALUES (?, 'virtues', ?, '', ?, 0, '[]', 'ada', ?)`,
      [`rel_${42 + number}`, `v${42 + number}`, migration, number + 1],
    )
  const stories = [
    { name: 'passed', to: 'rel_44', outcome: 'unknown' },
    { name: 'refused', to: 'rel_43', outcome: 'refused', code: 'agent_conflict' },
    { name: 'never-heard', to: 'rel_43', outcome: 'refused' },
    { name: 'done', to: 'rel_43', outcome: 'done', status: 'succeeded' },
    { name: 'harmless', to: 'rel_42', outcome: 'unknown' },
  ]
  for (const { name, to, outcome, code = null, status = 'failed' } of stories) {
    sqlite.run(
      `INSERT INTO tenants (id, organization_id, plan_id, blueprint, subdomain, skeleton, release, status, data_key, created_at, updated_at)
        VALUES (?1, 'org', 'plan', 'virtues', ?1, ?1, 'v42', 'active', x'00', 1, 1)`,
      [name],
    )
    const input = JSON.stringify({ releaseId: to, formerReleaseId: null, way: 'forward' })
    sqlite.run(
      `INSERT INTO runs (id, kind, tenant_id, input, status, available_at, created_at)
        VALUES (?1, 'deploy', ?1, ?2, ?3, 1, 1)`,
      [name, input, status],
    )
    sqlite.run(
      `INSERT INTO effects (id, run_id, step, subject, provider, verb, key, summary, outcome, vendor_code, requested_at)
        VALUES (?1, ?1, 'deploy', ?1, 'ssh', 'deploy', ?1, '{}', ?2, ?3, 7)`,
      [name, outcome, code],
    )
  }
  migrate(sqlite, 0)
  const known = sqlite
    .query(
      'SELECT id, no_return_release_id AS release, no_return_since AS since FROM tenants WHERE release IS NOT NULL',
    )
    .all()
  expect(known).toEqual([
    { id: 'passed', release: 'rel_43', since: 7 },
    { id: 'refused', release: 'rel_43', since: 7 },
    { id: 'never-heard', release: null, since: null },
    { id: 'done', release: null, since: null },
    { id: 'harmless', release: null, since: null },
  ])
})
