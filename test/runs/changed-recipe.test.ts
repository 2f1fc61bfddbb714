import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { done, type Recipe, wait } from '../../src/runs/recipe'
import { undoRun } from '../../src/runs/verbs'
import { noting, Workshop } from './workshop'

let workshop: Workshop
let notes: string[]
beforeEach(async () => {
  workshop = await Workshop.open()
  notes = []
})
afterEach(() => workshop.close())

const named = (...names: string[]) => Object.fromEntries(names.map((name) => [name, noting(notes, name)]))

/** A run of a recipe whose step `pause` waits; a newer Atlas then has another recipe. */
async function pausedAt(before: string[], after: string[]): Promise<string> {
  const recipe = workshop.recipe({
    ...named(...before),
    pause: async () => wait(1_000, 'A moment.'),
    ...named(...after),
  })
  const runId = workshop.queue(recipe)
  await workshop.carry(recipe)
  notes.length = 0
  return runId
}

const goOn = (runId: string, recipe: Recipe) => workshop.carryToTheEnd(recipe, runId)
const pause = { pause: async () => done() }

describe('a recipe that changed under a live run', () => {
  test('gives it the steps that came, in their place', async () => {
    const runId = await pausedAt(['a'], ['b'])
    await goOn(runId, workshop.recipe({ ...named('a'), ...pause, ...named('new', 'b', 'newer') }))
    expect(notes).toEqual(['new', 'b', 'newer'])
    expect(workshop.run(runId).status).toBe('succeeded')
  })

  test('takes from it the steps that went and had not begun', async () => {
    const runId = await pausedAt(['a'], ['b', 'c'])
    await goOn(runId, workshop.recipe({ ...named('a'), ...pause, ...named('c') }))
    expect(workshop.steps(runId)).toEqual(['a: succeeded', 'pause: succeeded', 'c: succeeded'])
  })

  test('does not make up for what it put before what has begun', async () => {
    const runId = await pausedAt(['a'], ['b'])
    await goOn(runId, workshop.recipe({ ...named('earlier', 'a', 'also-earlier'), ...pause, ...named('b') }))
    expect(notes).toEqual(['b'])
  })

  test('does nothing twice when it changed the order', async () => {
    const runId = await pausedAt(['a'], ['b', 'c'])
    await goOn(runId, workshop.recipe({ ...pause, ...named('c', 'a', 'b') }))
    expect(notes).toEqual(['b'])
    expect(workshop.run(runId).status).toBe('succeeded')
  })

  test('lets it finish a step that is retired', async () => {
    const runId = await pausedAt([], ['b'])
    const retired = workshop.recipe(pause).steps
    await goOn(runId, { ...workshop.recipe(named('b')), retired })
    expect(workshop.steps(runId)).toEqual(['pause: succeeded', 'b: succeeded'])
  })

  test('stops it with a reason at a step that nobody knows any more', async () => {
    const runId = await pausedAt([], ['b'])
    await goOn(runId, workshop.recipe(named('b')))
    expect(workshop.run(runId)).toMatchObject({ status: 'failed', errorCode: 'internal' })
    expect(workshop.run(runId).reason).toContain('no longer knows the step pause')
  })

  test('lets it take back a step that is retired', async () => {
    const failing = { c: async () => Promise.reject(new Error('broken')) }
    const old = workshop.recipe({ ...named('a', 'b'), ...failing })
    const runId = await workshop.carryToTheEnd(old)
    notes.length = 0
    const changed = {
      ...workshop.recipe({ ...named('a'), ...failing }),
      retired: workshop.recipe(named('b')).steps,
    }
    workshop.db.write((tx) => undoRun(tx, changed, runId, workshop.clock.now()))
    await goOn(runId, changed)
    expect(notes).toEqual(['undo b', 'undo a'])
    expect(workshop.run(runId).status).toBe('cancelled')
  })
})
