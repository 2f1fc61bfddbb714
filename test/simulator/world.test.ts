import { expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ManualClock } from '../../src/clock'
import { World } from '../../src/simulator/world'

const HOUR_MS = 3_600_000

test('a clock that was moved is still moved at the next start', () => {
  const dir = mkdtempSync(join(tmpdir(), 'world-'))
  const file = join(dir, 'clouds.db')
  const start = new ManualClock().now()

  const first = new World({ clock: new ManualClock(), file })
  first.advance(HOUR_MS)
  first.advance(HOUR_MS)
  expect(first.now()).toBe(start + 2 * HOUR_MS)
  first.close()

  const second = new World({ clock: new ManualClock(), file })
  expect(second.now()).toBe(start + 2 * HOUR_MS)
  second.close()
  rmSync(dir, { recursive: true })
})

test('what is written in one transaction is there as a whole or not at all', () => {
  const dir = mkdtempSync(join(tmpdir(), 'world-'))
  const file = join(dir, 'clouds.db')
  const world = new World({ clock: new ManualClock(), file })
  const half = () =>
    world.transaction(() => {
      world.table('server').put({ id: '1' })
      throw new Error('killed')
    })
  expect(half).toThrow('killed')
  world.transaction(() => world.table('server').put({ id: '2' }))
  world.close()

  const later = new World({ clock: new ManualClock(), file })
  expect(later.table('server').all()).toEqual([{ id: '2' }])
  later.close()
  rmSync(dir, { recursive: true })
})
