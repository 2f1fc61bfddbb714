import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { nextTurn } from '../../src/clock'
import { backups } from '../../src/db/schema'
import { sweep } from '../../src/upkeep/sweep'
import { Scene, YEAR_MS } from './scene'

let scene: Scene
beforeEach(async () => {
  scene = await Scene.open()
})
afterEach(async () => expect(await scene.close()).toEqual([]))

describe('a long sweep', () => {
  const MANY = 130

  beforeEach(() => {
    scene.run('run_latest', scene.ago(0))
    for (let nr = 0; nr < MANY; nr++) {
      // Every third has a finding, so that some stay in between; many at the same moment.
      scene.backup(`bak_${String(nr).padStart(3, '0')}`, scene.ago(YEAR_MS - Math.floor(nr / 40)))
      if (nr % 3 === 0) scene.finding(`fnd_${nr}`, { externalId: `key/bak_${String(nr).padStart(3, '0')}` })
    }
  })
  const staying = Array.from({ length: MANY }, (_, nr) => nr)
    .filter((nr) => nr % 3 === 0)
    .map((nr) => `bak_${String(nr).padStart(3, '0')}`)

  async function finish(sweeping: Promise<void>) {
    let isOver = false
    void sweeping.finally(() => {
      isOver = true
    })
    while (!isOver) {
      scene.stage.clock.advance(10)
      await nextTurn()
    }
    await sweeping
  }

  test('goes through all of it, in transactions of a few rows with pauses', async () => {
    let most = 0
    const { writeQuietly } = scene.db
    scene.db.writeQuietly = (work) => {
      const before = scene.ids(backups).length
      const result = writeQuietly.call(scene.db, work) as never
      most = Math.max(most, before - scene.ids(backups).length)
      return result
    }
    await finish(sweep(scene.services))
    expect(scene.ids(backups).sort()).toEqual(staying)
    expect(most).toBeGreaterThan(0)
    expect(most).toBeLessThanOrEqual(10)
  })

  test('that is cut off is gone on with by the next; one more finds nothing to do', async () => {
    const left = scene.db.sqlite.query('SELECT count(*) AS n FROM backups')
    void sweep(scene.services)
    scene.stage.clock.advance(10)
    await nextTurn()
    const { n } = left.get() as { n: number }
    expect(n).toBeGreaterThan(staying.length)
    expect(n).toBeLessThan(MANY)
    await finish(sweep({ ...scene.services, clock: scene.stage.clock }))
    expect(scene.ids(backups).sort()).toEqual(staying)
    const { total_changes: before } = scene.db.sqlite
      .query('SELECT total_changes() AS total_changes')
      .get() as never
    await finish(sweep(scene.services))
    const { total_changes: after } = scene.db.sqlite
      .query('SELECT total_changes() AS total_changes')
      .get() as never
    expect(after).toBe(before)
  })
})

test('with nothing to do it asks one query and writes nothing', async () => {
  const asked: string[] = []
  const { prepare } = scene.db.sqlite
  scene.db.sqlite.prepare = ((text: string) => {
    asked.push(text)
    return prepare.call(scene.db.sqlite, text)
  }) as typeof prepare
  await sweep(scene.services)
  expect(asked).toHaveLength(1)
  expect(scene.stage.lines.filter((line) => line.includes('forgotten'))).toEqual([])
})
