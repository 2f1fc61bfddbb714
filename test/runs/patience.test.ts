import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { unavailable } from '../../src/errors'
import type { Patience } from '../../src/runs/patience'
import { done, wait } from '../../src/runs/recipe'
import { stepsOf } from '../../src/runs/steps'
import { retryRun, undoRun } from '../../src/runs/verbs'
import { noting, Workshop } from './workshop'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const SLOW: Patience = { ms: 10 * MINUTE_MS, look: 'Look at its console.' }

let shop: Workshop
let begunAt: number
beforeEach(async () => {
  shop = await Workshop.open()
  begunAt = shop.clock.now()
})
afterEach(() => shop.close())

const booting = async () => wait(MINUTE_MS, 'The server is booting.')
const waitedMs = () => shop.clock.now() - begunAt

describe('a step that waits', () => {
  test('fails when its time is up, and says for what, for how long, and what can be done', async () => {
    const recipe = shop.recipe({ boot: { patience: SLOW, run: booting } })
    const id = await shop.carryToTheEnd(recipe)
    expect(waitedMs()).toBe(SLOW.ms)
    expect(shop.run(id)).toMatchObject({
      status: 'failed',
      errorCode: 'conflict',
      reason:
        '“boot” was not over after 10 minutes. The server is booting. Look at its console. Retry waits for another 10 minutes; undo takes back what was done.',
    })
    expect(shop.ends).toEqual(['failed'])
  })

  test('has a last look at the very end of its time', async () => {
    const looks: number[] = []
    const run = async () => {
      looks.push(waitedMs())
      return looks.length < 3 ? wait(7 * MINUTE_MS, 'Still there.') : done()
    }
    const id = await shop.carryToTheEnd(shop.recipe({ boot: { patience: SLOW, run } }))
    expect(looks).toEqual([0, 7 * MINUTE_MS, 10 * MINUTE_MS])
    expect(shop.run(id).status).toBe('succeeded')
  })

  test('has all of its time again when the run is retried', async () => {
    const recipe = shop.recipe({ boot: { patience: SLOW, run: booting } })
    const id = await shop.carryToTheEnd(recipe)
    shop.db.write((tx) => retryRun(tx, recipe, id, shop.clock.now()))
    await shop.carryToTheEnd(recipe, id)
    expect(waitedMs()).toBe(2 * SLOW.ms)
    expect(shop.ends).toEqual(['failed', 'failed'])
  })

  test('has no more of it when the cloud falters in between', async () => {
    let looks = 0
    const run = async () => {
      if (looks++ % 2 === 0) throw unavailable('The cloud is down.', { outcome: 'refused' })
      return booting()
    }
    const id = await shop.carryToTheEnd(shop.recipe({ boot: { patience: SLOW, run } }))
    expect(shop.run(id).status).toBe('failed')
    expect(waitedMs()).toBeLessThan(SLOW.ms + MINUTE_MS)
  })

  test('may take as long as it wants for the one that it makes an exception for, and for nobody else', async () => {
    const patience: Patience = { ...SLOW, except: 'room' }
    let looks = 0
    const room = async () => (looks++ < 100 ? wait(HOUR_MS, 'No room.', 'room') : done())
    const person = async () => wait(HOUR_MS, 'Nobody has decided.', 'person')
    const id = await shop.carryToTheEnd(
      shop.recipe({ room: { patience, run: room }, person: { patience, run: person } }),
    )
    expect(shop.steps(id)).toEqual(['room: succeeded', 'person: failed'])
    expect(waitedMs()).toBe(100 * HOUR_MS + SLOW.ms)
  })

  test('says whom it awaits for as long as it does', async () => {
    let looks = 0
    const run = async () => (looks++ < 1 ? wait(MINUTE_MS, 'No room.', 'room') : booting())
    const recipe = shop.recipe({ room: { patience: { ...SLOW, except: 'room' }, run } })
    const id = shop.queue(recipe)
    const awaits = () => stepsOf(shop.db.read, id)[0]?.awaits
    await shop.carry(recipe)
    expect(awaits()).toBe('room')
    shop.clock.advance(MINUTE_MS)
    await shop.carry(recipe)
    expect(awaits()).toBeNull()
  })
})

describe('a step that is taken back', () => {
  const failing = { run: async () => Promise.reject(new Error('no')), undo: booting, patience: SLOW }

  test('fails in the same way, and undo is no remedy any more', async () => {
    const recipe = shop.recipe({ boot: failing })
    const id = await shop.carryToTheEnd(recipe)
    shop.db.write((tx) => undoRun(tx, recipe, id, shop.clock.now()))
    await shop.carryToTheEnd(recipe, id)
    expect(shop.run(id)).toMatchObject({ status: 'failed', direction: 'undo' })
    expect(shop.run(id).reason).toEndWith('Retry waits for another 10 minutes.')
  })
})

test('what can’t be taken back any more does not offer it', async () => {
  const recipe = shop.recipe(
    { first: noting([], 'first'), boot: { patience: { ms: HOUR_MS }, run: booting } },
    { pointOfNoReturn: 'first' },
  )
  const id = await shop.carryToTheEnd(recipe)
  expect(shop.run(id).reason).toBe(
    '“boot” was not over after 60 minutes. The server is booting. Retry waits for another 60 minutes.',
  )
})

test('a cloud that asks to be left alone for a month is asked again all the same', async () => {
  const retryAfterMs = 30 * 24 * HOUR_MS
  const run = async () => Promise.reject(unavailable('Not now.', { outcome: 'refused', retryAfterMs }))
  const id = await shop.carryToTheEnd(shop.recipe({ ask: { run } }))
  expect(shop.run(id).status).toBe('failed')
  expect(waitedMs()).toBeLessThan(24 * HOUR_MS)
})
