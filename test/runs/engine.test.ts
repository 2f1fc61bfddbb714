import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { AtlasError, conflict, unavailable } from '../../src/errors'
import { backOffMs } from '../../src/runs/back-off'
import { done, wait } from '../../src/runs/recipe'
import { STEP_ATTEMPTS_MAX } from '../../src/runs/setback'
import { stepsOf } from '../../src/runs/steps'
import { retryRun, undoRun } from '../../src/runs/verbs'
import { noting, Workshop } from './workshop'

let shop: Workshop
beforeEach(async () => {
  shop = await Workshop.open()
})
afterEach(() => shop.close())

const down = () => unavailable('The cloud is down.', { outcome: 'refused' })

describe('the steps of a run', () => {
  test('are each saved, with their output, before the next begins', async () => {
    const seen: unknown[] = []
    const recipe = shop.recipe({
      first: async () => done({ id: 7 }),
      second: async ({ run, output }) => {
        seen.push(...shop.steps(run.id), output('first'))
        return done()
      },
    })
    const id = await shop.carryToTheEnd(recipe)
    expect(seen).toEqual(['first: succeeded', 'second: running', { id: 7 }])
    expect(shop.run(id)).toMatchObject({ status: 'succeeded', claimedBy: null, reason: null })
    expect(shop.ends).toEqual(['succeeded'])
  })

  test('write what belongs to them in the transaction that saves them, or not at all', async () => {
    const recipe = shop.recipe({
      first: async () =>
        done({}, () => {
          throw conflict('This name is taken.')
        }),
    })
    const id = await shop.carryToTheEnd(recipe)
    expect(shop.steps(id)).toEqual(['first: failed'])
    expect(stepsOf(shop.db.read, id)[0]).toMatchObject({ output: null, reason: 'This name is taken.' })
  })

  test('can wait: nothing is claimed before it is time, and the waiting counts from the first look', async () => {
    const looks: number[] = []
    const recipe = shop.recipe({
      look: async ({ startedAt, now }) => {
        looks.push(now() - startedAt)
        return looks.length < 3 ? wait(5_000, 'It is booting.') : done()
      },
    })
    const id = shop.queue(recipe)
    await shop.carry(recipe)
    expect(shop.run(id)).toMatchObject({ status: 'waiting', reason: 'It is booting.' })
    shop.clock.advance(4_999)
    expect(shop.claim()).toBeUndefined()
    shop.clock.advance(1)
    await shop.carryToTheEnd(recipe, id)
    expect(looks).toEqual([0, 5_000, 10_000])
    expect(stepsOf(shop.db.read, id)[0]).toMatchObject({ attempts: 1, status: 'succeeded' })
  })
})

describe('what is unavailable', () => {
  test('is tried again, ever later, at most five minutes later, with half of that left to chance', () => {
    const pauses = (chance: number) => [1, 2, 3, 8, 9, 10, 40].map((attempts) => backOffMs(attempts, chance))
    expect(pauses(1)).toEqual([1_000, 2_000, 4_000, 128_000, 256_000, 300_000, 300_000])
    expect(pauses(0)).toEqual([500, 1_000, 2_000, 64_000, 128_000, 150_000, 150_000])
  })

  test('makes the run wait by that measure, or as long as the other side asks', async () => {
    let asked: number | undefined
    const recipe = shop.recipe({
      call: () => Promise.reject(unavailable('Slow down.', { retryAfterMs: asked })),
    })
    const id = shop.queue(recipe)
    const pauseAfter = async () => {
      shop.clock.advance(Math.max(0, shop.run(id).availableAt - shop.clock.now()))
      await shop.carry(recipe)
      return shop.run(id).availableAt - shop.clock.now()
    }
    expect(await pauseAfter()).toBe(500)
    shop.chance = 0.5
    expect(await pauseAfter()).toBe(1_500)
    asked = 60_000
    expect(await pauseAfter()).toBe(60_000)
    expect(shop.run(id)).toMatchObject({ status: 'waiting', attempts: 3, reason: 'Slow down.' })
  })

  test(`stops the run after ${STEP_ATTEMPTS_MAX} failures in a row, with the last reason`, async () => {
    let calls = 0
    const recipe = shop.recipe({
      call: () => Promise.reject(unavailable(`Down for the ${++calls}. time.`)),
    })
    const id = await shop.carryToTheEnd(recipe)
    expect(calls).toBe(STEP_ATTEMPTS_MAX)
    const reason = `Down for the ${STEP_ATTEMPTS_MAX}. time.`
    expect(shop.run(id)).toMatchObject({ status: 'failed', reason, errorCode: 'unavailable' })
    expect(shop.ends).toEqual(['failed'])
  })

  test('is forgiven by every success and every wait', async () => {
    let calls = 0
    const flaky = async () => {
      calls++
      if (calls % 2 === 0) throw down()
      return calls < 30 ? wait(1_000, 'Not yet.') : done()
    }
    const id = await shop.carryToTheEnd(shop.recipe({ flaky }))
    expect(shop.run(id).status).toBe('succeeded')
  })
})

describe('what can’t be mended by trying again', () => {
  test('stops the run at once, with the reason', async () => {
    let calls = 0
    const recipe = shop.recipe({
      call: () => Promise.reject(conflict(`Somebody else has this name (${++calls}).`)),
      never: noting([], 'never'),
    })
    const id = await shop.carryToTheEnd(recipe)
    const reason = 'Somebody else has this name (1).'
    expect(shop.run(id)).toMatchObject({ status: 'failed', reason, errorCode: 'conflict', claimedBy: null })
    expect(shop.steps(id)).toEqual(['call: failed', 'never: pending'])
  })

  test('tells nothing of what Atlas did not foresee, except to the log', async () => {
    const recipe = shop.recipe({ call: () => Promise.reject(new TypeError('secret detail')) })
    const id = await shop.carryToTheEnd(recipe)
    expect(shop.run(id)).toMatchObject({ status: 'failed', errorCode: 'internal' })
    expect(shop.run(id).reason).not.toContain('secret detail')
    expect(shop.stage.lines.join()).toContain('secret detail')
  })

  test('is a recipe that this Atlas does not have, until one comes that has it', async () => {
    const recipe = shop.recipe({ call: async () => done() })
    const id = shop.queue(recipe)
    await shop.carry()
    expect(shop.run(id)).toMatchObject({ status: 'failed', errorCode: 'internal' })
    expect(shop.run(id).reason).toContain('made-up')
    shop.db.write((tx) => retryRun(tx, recipe, id, shop.clock.now()))
    await shop.carryToTheEnd(recipe, id)
    expect(shop.run(id).status).toBe('succeeded')
  })
})

describe('a run never stays claimed with nobody at work on it', () => {
  const broken = () => {
    throw new AtlasError('not_found', 'There is no such blueprint.')
  }

  test('when its end breaks: it stops with the reason, and a retry ends it', async () => {
    let works = false
    const recipe = shop.recipe(
      { call: async () => done() },
      { succeeded: () => (works ? undefined : broken()) },
    )
    const id = await shop.carryToTheEnd(recipe)
    expect(shop.run(id)).toMatchObject({ status: 'failed', reason: 'There is no such blueprint.' })
    expect(shop.ends).toEqual(['failed'])
    works = true
    shop.db.write((tx) => retryRun(tx, recipe, id, shop.clock.now()))
    await shop.carryToTheEnd(recipe, id)
    expect(shop.run(id).status).toBe('succeeded')
  })

  test('when even its failure breaks', async () => {
    const recipe = shop.recipe({ call: () => Promise.reject(conflict('No.')) }, { failed: broken })
    const id = await shop.carryToTheEnd(recipe)
    expect(shop.run(id)).toMatchObject({ status: 'failed', reason: 'No.', claimedBy: null })
    expect(shop.stage.lines.join()).toContain('There is no such blueprint.')
  })
})

describe('a failed run', () => {
  test('goes on at the step that failed', async () => {
    const notes: string[] = []
    let works = false
    const recipe = shop.recipe({
      first: noting(notes, 'first'),
      second: async () => {
        notes.push('second')
        if (!works) throw conflict('Not yet.')
        return done()
      },
      third: noting(notes, 'third'),
    })
    const id = await shop.carryToTheEnd(recipe)
    works = true
    shop.clock.advance(60_000)
    shop.db.write((tx) => retryRun(tx, recipe, id, shop.clock.now()))
    expect(stepsOf(shop.db.read, id)[1]).toMatchObject({ startedAt: null, attempts: 0 })
    await shop.carryToTheEnd(recipe, id)
    expect(notes).toEqual(['first', 'second', 'second', 'third'])
    expect(shop.run(id)).toMatchObject({ status: 'succeeded', errorCode: null })
  })

  test('is undone in reverse, with the step that failed and without those that never began', async () => {
    const notes: string[] = []
    const recipe = shop.recipe({
      first: noting(notes, 'first'),
      second: { run: async () => done() },
      third: { ...noting(notes, 'third'), run: () => Promise.reject(conflict('No.')) },
      fourth: noting(notes, 'fourth'),
    })
    const id = await shop.carryToTheEnd(recipe)
    shop.db.write((tx) => undoRun(tx, recipe, id, shop.clock.now()))
    await shop.carryToTheEnd(recipe, id)
    expect(notes).toEqual(['first', 'undo third', 'undo first'])
    expect(shop.steps(id)).toEqual(['first: undone', 'second: undone', 'third: undone', 'fourth: pending'])
    expect(shop.run(id)).toMatchObject({ status: 'cancelled', direction: 'undo' })
    expect(shop.ends).toEqual(['failed', 'undone'])
  })

  test('whose undoing failed goes on undoing when it is retried', async () => {
    const notes: string[] = []
    let works = false
    const recipe = shop.recipe({
      first: noting(notes, 'first'),
      second: {
        run: async () => done(),
        undo: async () => {
          if (!works) throw conflict('It is protected.')
          return done()
        },
      },
      third: { ...noting(notes, 'third'), run: () => Promise.reject(conflict('No.')) },
    })
    const id = await shop.carryToTheEnd(recipe)
    shop.db.write((tx) => undoRun(tx, recipe, id, shop.clock.now()))
    await shop.carryToTheEnd(recipe, id)
    expect(shop.run(id)).toMatchObject({ status: 'failed', direction: 'undo', reason: 'It is protected.' })
    expect(() => shop.db.write((tx) => undoRun(tx, recipe, id, shop.clock.now()))).toThrow(
      'being undone already',
    )
    works = true
    shop.db.write((tx) => retryRun(tx, recipe, id, shop.clock.now()))
    await shop.carryToTheEnd(recipe, id)
    expect(notes).toEqual(['first', 'undo third', 'undo first'])
    expect(shop.run(id).status).toBe('cancelled')
  })

  test.each(['retry', 'undo'] as const)('is the only kind of run that one can %s', async (verb) => {
    const act = { retry: retryRun, undo: undoRun }[verb]
    const recipe = shop.recipe({ call: async () => done() })
    const id = shop.queue(recipe)
    expect(() => shop.db.write((tx) => act(tx, recipe, id, shop.clock.now()))).toThrow(
      'Only a run that has failed',
    )
    await shop.carryToTheEnd(recipe, id)
    expect(() => shop.db.write((tx) => act(tx, recipe, id, shop.clock.now()))).toThrow(
      'Only a run that has failed',
    )
  })
})
