import { Database } from 'bun:sqlite'
import { expect, test } from 'bun:test'
import { MIGRATIONS, migrate } from '../../src/db/migrate'

test('the fifth migration counts the targets of the rollouts that are there', () => {
  const sqlite = new Database(':memory:')
  const before = MIGRATIONS.filter(({ version }) => version < 5)
  migrate(sqlite, 0, before)
  sqlite.exec('PRAGMA foreign_keys = OFF')
  const insertRollout = sqlite.query(
    `INSERT INTO rollouts (id, blueprint, release_id, status, strategy, created_by, created_at)
      VALUES (?, 'virtues', 'rel_1', 'succeeded', '{}', 'ada', 1)`,
  )
  for (const id of ['rol_1', 'rol_2']) insertRollout.run(id)
  const targets = [
    ['succeeded', null],
    ['back', 'health'],
    ['waiting', null],
    ['going_back', 'later'],
  ]
  for (const [position, [state = null, part = null]] of targets.entries()) {
    sqlite.run(
      `INSERT INTO rollout_targets (rollout_id, tenant_id, wave, position, state, failed_part, former_release, updated_at)
        VALUES ('rol_1', ?, 0, ?, ?, ?, 'v42', 1)`,
      [`ten_${position}`, position, state, part],
    )
  }
  migrate(sqlite, 0)
  expect(sqlite.query('SELECT id, total, settled, failed FROM rollouts ORDER BY id').all()).toEqual([
    { id: 'rol_1', total: 4, settled: 2, failed: 2 },
    { id: 'rol_2', total: 0, settled: 0, failed: 0 },
  ])
})
