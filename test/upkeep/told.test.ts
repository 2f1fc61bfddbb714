import { afterEach, beforeEach, expect, test } from 'bun:test'
import { ATLAS, audit } from '../../src/audit'
import { tenants } from '../../src/db/schema'
import { timelineOf } from '../../src/timeline/timeline'
import { ROUTINE_KEPT_MS, toldInFullSince } from '../../src/upkeep/kept'
import { sweep } from '../../src/upkeep/sweep'
import { Scene, YEAR_MS } from './scene'

const NOT_ALL = 'Not everything from before'

let scene: Scene
beforeEach(async () => {
  scene = await Scene.open()
})
afterEach(async () => expect(await scene.close()).toEqual([]))

const begun = (at: number) => scene.db.write((tx) => tx.update(tenants).set({ createdAt: at }).run())
const page = async () => {
  const operator = await scene.stage.operator()
  const answer = await operator.get(`/admin/tenants/${scene.tenantId}/timeline`)
  return answer.text()
}

test('a story that began within 30 days is told in full, one that is older since then', () => {
  const now = scene.ago(0)
  expect(toldInFullSince(now - ROUTINE_KEPT_MS, now)).toBeNull()
  expect(toldInFullSince(now - ROUTINE_KEPT_MS - 1, now)).toBe(now - ROUTINE_KEPT_MS)
})

test('at its beginning the story says from when on it is not told in full', async () => {
  expect(await page()).not.toContain(NOT_ALL)
  begun(scene.ago(YEAR_MS))
  expect(await page()).toContain(NOT_ALL)
})

test('while there is more to come it says nothing of that', async () => {
  begun(scene.ago(YEAR_MS))
  for (let nr = 0; nr < 60; nr++) scene.call(`eff_${nr}`, scene.ago(nr))
  expect(await page()).not.toContain(NOT_ALL)
})

test('what was done is still told when its run is forgotten, without a link that leads nowhere', async () => {
  scene.run('run_latest', scene.ago(0))
  scene.backup('bak_old', scene.ago(YEAR_MS))
  const asked = {
    actor: ATLAS,
    action: 'backup.asked',
    subject: scene.tenantId,
    detail: { run: 'run_bak_old' },
  }
  scene.db.write((tx) => audit(tx, scene.ago(YEAR_MS), asked))
  const linkOf = () => {
    const wanted = { before: null, size: 100 }
    const { entries } = timelineOf(scene.db.read, scene.tenantId, { kind: '', q: 'asked' }, wanted)
    return entries.find(({ title }) => title === 'Backup asked')?.link
  }
  expect(linkOf()).toBe('/admin/runs/run_bak_old')
  await sweep(scene.services)
  expect(linkOf()).toBeNull()
})
