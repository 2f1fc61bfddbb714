import { afterEach, beforeEach, expect, test } from 'bun:test'
import { catchUp } from '../../src/rollouts/catch-up'
import { countTargets } from '../../src/rollouts/report'
import { readSnapshot } from '../../src/rollouts/snapshot'
import { Fleet } from './fleet'

let fleet: Fleet
beforeEach(async () => {
  fleet = await Fleet.open(3)
  await fleet.rollOut('v43', { bake_minutes: 0 })
})
afterEach(() => fleet.close())

/** How SQLite finds its way through what is asked of it meanwhile. */
function stepsOf(work: () => void): string[] {
  const { sqlite } = fleet.db
  const { prepare } = sqlite
  const texts = new Set<string>()
  sqlite.prepare = ((text: string, ...more: []) => {
    if (/^\s*select/i.test(text)) texts.add(text)
    return prepare.call(sqlite, text, ...more)
  }) as typeof prepare
  work()
  sqlite.prepare = prepare
  const plans = [...texts].map((text) => {
    const holes = Array(text.split('?').length - 1).fill(null)
    return sqlite.query(`EXPLAIN QUERY PLAN ${text}`).all(...holes) as { detail: string }[]
  })
  return plans.flat().map(({ detail }) => detail)
}

test('catching up asks for the runs of a tenant or of a status, never for all deploys that ever were', async () => {
  fleet.change('t02', { status: 'suspended' })
  await fleet.live()
  fleet.change('t02', { status: 'active' })
  await fleet.pass(6)
  const steps = stepsOf(() => catchUp(fleet.services))
  expect(steps.filter((step) => step.includes('runs USING INDEX')).length).toBeGreaterThan(3)
  expect(steps).not.toContain('SEARCH runs USING INDEX runs_by_kind (kind=?)')
  expect(steps).toContain('SEARCH runs USING INDEX runs_by_tenant (tenant_id=?)')
  expect(steps.filter((step) => step.includes('SCAN rollout_targets'))).toEqual([])
})

test('a decision looks at those that are down, not at the whole fleet for them', () => {
  const { rollout } = fleet
  const steps = stepsOf(() => readSnapshot(fleet.db.read, rollout))
  expect(steps).toContain('SEARCH health_checks USING INDEX health_checks_by_state (state=?)')
  expect(steps.join()).toContain('SEARCH rollout_targets USING PRIMARY KEY (rollout_id=? AND tenant_id=?)')
})

test('the tenants of a rollout are counted in the order of an index', () => {
  const { id } = fleet.rollout
  const steps = stepsOf(() => countTargets(fleet.db.read, id))
  expect(steps).toEqual([
    'SEARCH rollout_targets USING COVERING INDEX rollout_targets_by_count (rollout_id=?)',
  ])
})
