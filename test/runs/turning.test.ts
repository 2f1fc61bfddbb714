import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { unavailable } from '../../src/errors'
import { done, type Recipe, wait } from '../../src/runs/recipe'
import { cancelRun, retryRun, undoRun } from '../../src/runs/verbs'
import { noting, Workshop } from './workshop'

let workshop: Workshop
let notes: string[]
beforeEach(async () => {
  workshop = await Workshop.open()
  notes = []
})
afterEach(() => workshop.close())

const cancel = (recipe: Recipe, runId: string) =>
  workshop.db.write((tx) => cancelRun(tx, recipe, runId, workshop.clock.now()))

/** A step that waits a day the first time. */
const longStep = () => {
  let looks = 0
  return {
    async run() {
      notes.push('long')
      return looks++ === 0 ? wait(86_400_000, 'A day has to pass.') : done()
    },
    async undo() {
      notes.push('undo long')
      return done()
    },
  }
}

describe('a live run that is cancelled', () => {
  test('does not wait for what it waits for, and takes back what it did, last step first', async () => {
    const recipe = workshop.recipe({ a: noting(notes, 'a'), long: longStep(), c: noting(notes, 'c') })
    const runId = workshop.queue(recipe)
    await workshop.carry(recipe)
    expect(workshop.run(runId).status).toBe('waiting')
    cancel(recipe, runId)
    expect(workshop.run(runId).availableAt).toBe(workshop.clock.now())
    await workshop.carry(recipe)
    expect(notes).toEqual(['a', 'long', 'undo long', 'undo a'])
    expect(workshop.run(runId)).toMatchObject({ status: 'cancelled', direction: 'undo' })
    expect(workshop.steps(runId)).toEqual(['a: undone', 'long: undone', 'c: pending'])
    expect(workshop.ends).toEqual(['undone'])
  })

  test('that has not begun is over at once, with nothing to take back', async () => {
    const recipe = workshop.recipe({ a: noting(notes, 'a') })
    const runId = workshop.queue(recipe)
    cancel(recipe, runId)
    await workshop.carry(recipe)
    expect(workshop.run(runId).status).toBe('cancelled')
    expect(notes).toEqual([])
  })

  test('in the middle of a step finishes it first, and goes back from there', async () => {
    const recipe: Recipe = workshop.recipe({
      a: {
        async run() {
          cancel(recipe, runId)
          notes.push('a')
          return done()
        },
        async undo() {
          notes.push('undo a')
          return done()
        },
      },
      b: noting(notes, 'b'),
    })
    const runId = workshop.queue(recipe)
    await workshop.carry(recipe)
    expect(notes).toEqual(['a', 'undo a'])
    expect(workshop.run(runId).status).toBe('cancelled')
  })

  test('in the middle of its last step turns back too', async () => {
    const recipe: Recipe = workshop.recipe({
      a: {
        async run() {
          cancel(recipe, runId)
          return done()
        },
        undo: noting(notes, 'a').undo,
      },
    })
    const runId = workshop.queue(recipe)
    await workshop.carry(recipe)
    expect(notes).toEqual(['undo a'])
    expect(workshop.ends).toEqual(['undone'])
  })

  test('while a step begins to wait does not sleep on it', async () => {
    const recipe: Recipe = workshop.recipe({
      a: {
        async run() {
          cancel(recipe, runId)
          return wait(86_400_000, 'A day has to pass.')
        },
      },
    })
    const runId = workshop.queue(recipe)
    await workshop.carry(recipe)
    await workshop.carry(recipe)
    expect(workshop.run(runId).status).toBe('cancelled')
  })

  test('in a step that goes wrong turns back instead of failing or trying again', async () => {
    for (const thrown of [unavailable('The other side is away.'), new Error('a bug')]) {
      const recipe: Recipe = workshop.recipe({
        a: {
          async run() {
            cancel(recipe, runId)
            throw thrown
          },
          undo: noting(notes, 'a').undo,
        },
      })
      const runId = workshop.queue(recipe)
      await workshop.carry(recipe)
      await workshop.carry(recipe)
      expect(workshop.run(runId)).toMatchObject({ status: 'cancelled', attempts: 0, reason: null })
    }
    expect(notes).toEqual(['undo a', 'undo a'])
    expect(workshop.ends).toEqual(['undone', 'undone'])
  })

  test('is told to its recipe once, with the direction that it now has', async () => {
    const turns: string[] = []
    const recipe = workshop.recipe({ long: longStep() }, { turned: (_, run) => turns.push(run.direction) })
    const runId = workshop.queue(recipe)
    await workshop.carry(recipe)
    cancel(recipe, runId)
    cancel(recipe, runId)
    await workshop.carry(recipe)
    expect(turns).toEqual(['undo'])
  })

  test('can’t be cancelled when it has ended, has failed or is on its way back', async () => {
    const good = workshop.recipe({ a: noting(notes, 'a') })
    const ended = await workshop.carryToTheEnd(good)
    expect(() => cancel(good, ended)).toThrow('has ended')
    const back = workshop.recipe({
      a: { ...longStep(), undo: async () => wait(1_000, 'It takes its time.') },
    })
    const runId = workshop.queue(back)
    await workshop.carry(back)
    cancel(back, runId)
    await workshop.carry(back)
    expect(workshop.run(runId)).toMatchObject({ status: 'waiting', direction: 'undo' })
    expect(() => cancel(back, runId)).toThrow('being undone already')
  })
})

describe('past its point of no return a run', () => {
  const recipeWith = (c: Parameters<Workshop['recipe']>[0][string]) =>
    workshop.recipe({ a: noting(notes, 'a'), b: longStep(), c }, { pointOfNoReturn: 'c' })

  test('turns back before it, also in the wait just before', async () => {
    const recipe = recipeWith(noting(notes, 'c'))
    const runId = workshop.queue(recipe)
    await workshop.carry(recipe)
    cancel(recipe, runId)
    await workshop.carry(recipe)
    expect(notes).toEqual(['a', 'long', 'undo long', 'undo a'])
  })

  test('can’t be cancelled any more', async () => {
    const recipe = recipeWith(async () => wait(1_000, 'It goes.'))
    const runId = workshop.queue(recipe)
    await workshop.carry(recipe)
    workshop.clock.advance(86_400_000)
    await workshop.carry(recipe)
    expect(workshop.steps(runId).at(-1)).toBe('c: waiting')
    expect(() => cancel(recipe, runId)).toThrow('“c” has begun, and that can’t be taken back')
    expect(workshop.run(runId).cancelRequestedAt).toBeNull()
  })

  test('can’t be undone when it failed there, and goes on when it is retried', async () => {
    let tries = 0
    const recipe = recipeWith(async () => {
      if (tries++ === 0) throw new Error('broken')
      return done()
    })
    const runId = await workshop.carryToTheEnd(recipe)
    expect(workshop.run(runId).status).toBe('failed')
    const write = (verb: typeof retryRun) =>
      workshop.db.write((tx) => verb(tx, recipe, runId, workshop.clock.now()))
    expect(() => write(undoRun)).toThrow('“c” has begun')
    write(retryRun)
    await workshop.carryToTheEnd(recipe, runId)
    expect(workshop.run(runId).status).toBe('succeeded')
  })

  test('that was asked to turn just before it began, turns', async () => {
    const recipe: Recipe = workshop.recipe(
      {
        a: {
          async run() {
            cancel(recipe, runId)
            return done()
          },
        },
        c: noting(notes, 'c'),
      },
      { pointOfNoReturn: 'c' },
    )
    const runId = workshop.queue(recipe)
    await workshop.carry(recipe)
    expect(notes).toEqual([])
    expect(workshop.run(runId).status).toBe('cancelled')
  })
})
