import { afterEach, beforeEach, expect, test } from 'bun:test'
import { catchUp } from '../../src/rollouts/catch-up'
import { countTargets, listRollouts } from '../../src/rollouts/report'
import { readSnapshot } from '../../src/rollouts/snapshot'
import { plansOf } from '../query-plans'
import { Fleet } from './fleet'

let fleet: Fleet
beforeEach(async () => {
  fleet = await Fleet.open(3)
  await fleet.rollOut('v43', { bake_minutes: 0 })
})
afterEach(() => fleet.close())

const stepsOf = (work: () => unknown) => plansOf(fleet.db.sqlite, work)

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

const listed = () =>
  listRollouts(fleet.db.read, { q: '', status: '', sort: 'begun', dir: 'desc' }, { number: 1, size: 50 })

test('a list of rollouts looks at none of their tenants', () => {
  expect(stepsOf(listed).filter((step) => step.includes('rollout_targets'))).toEqual([])
})

test('what it says of them is what has become of them, on the way there and back', async () => {
  const counts: { total: number; settled: number; failed: number }[] = []
  const look = () => {
    const targets = fleet.targets()
    const isAtWork = (state: string) => ['waiting', 'deploying', 'going_back'].includes(state)
    const { total, settled, failed } = listed().rows[0]!
    expect({ total, settled, failed }).toEqual({
      total: targets.length,
      settled: targets.filter(({ state }) => !isAtWork(state)).length,
      failed: targets.filter(({ failedPart }) => failedPart !== null).length,
    })
    counts.push({ total, settled, failed })
  }
  look()
  fleet.behaves = (name) => (name === fleet.targets()[0]?.name ? 'good' : 'health')
  await fleet.passUntil(() => fleet.rollout.status === 'going_back')
  look()
  await fleet.live()
  look()
  expect(counts[0]).toEqual({ total: 3, settled: 0, failed: 0 })
  expect(counts.at(-1)).toEqual({ total: 3, settled: 3, failed: 2 })
})
