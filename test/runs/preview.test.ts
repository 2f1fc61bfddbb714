import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { conflict } from '../../src/errors'
import { allRecipes } from '../../src/lifecycle/recipes'
import { effectsOfRun } from '../../src/runs/list'
import { previewRetry, previewUndo } from '../../src/runs/preview'
import { done, type Recipe, type StepContext } from '../../src/runs/recipe'
import { stepsOf } from '../../src/runs/steps'
import { Workshop } from './workshop'

let shop: Workshop
beforeEach(async () => {
  shop = await Workshop.open()
})
afterEach(() => shop.stage.close())

const call = (context: StepContext, key: string, fails?: 'refused' | 'unknown') => {
  shop.clock.advance(1)
  return context.effect(
    { provider: 'hetzner', verb: 'ensureServer', key, summary: {} },
    async () => {
      if (fails) throw conflict('No room.', { outcome: fails })
      return { id: '123' }
    },
    ({ id }) => id,
  )
}

/** Makes a server, then fails at an address, before a start. */
const recipe = (): Recipe => {
  const made = shop.recipe({
    server: {
      run: async (context) => done({ id: (await call(context, 'ada-1')).id }),
      undo: async () => done(),
    },
    address: async (context) => {
      await call(context, 'one')
      await call(context, 'two', 'unknown').catch(() => {})
      await call(context, 'three', 'refused')
      return done()
    },
    start: async () => done(),
  })
  const [server, address, start] = made.steps
  if (!server || !address || !start) throw new Error('three steps')
  return {
    ...made,
    steps: [
      { ...server, again: 'Finds it.', takesBack: 'Deletes it.' },
      { ...address, again: 'Looks first.' },
      start,
    ],
  }
}

const told = (runId: string) => [stepsOf(shop.db.read, runId), effectsOfRun(shop.db.read, runId)] as const

describe('what a retry would do', () => {
  test('begins at the step that stopped, with what each of its calls came to, the latest of a key', async () => {
    const runId = await shop.carryToTheEnd(recipe())
    const { direction, steps } = previewRetry(...told(runId), recipe())
    expect(direction).toBe('forward')
    expect(steps.map(({ title, says }) => [title, says])).toEqual([
      ['address', 'Looks first.'],
      ['start', ''],
    ])
    expect(steps[0]?.known.map(({ key, outcome, externalId }) => [key, outcome, externalId])).toEqual([
      ['one', 'done', '123'],
      ['two', 'unknown', null],
      ['three', 'refused', null],
    ])
    expect(steps[1]?.known).toEqual([])
  })

  test('changes nothing', async () => {
    const runId = await shop.carryToTheEnd(recipe())
    const before = told(runId)
    previewRetry(...told(runId), recipe())
    expect(told(runId)).toEqual([...before])
  })

  test('of a step that this Atlas no longer has is said', async () => {
    const runId = await shop.carryToTheEnd(recipe())
    const { steps } = previewRetry(...told(runId), { ...recipe(), steps: [] })
    expect(steps[0]?.says).toBe('This Atlas no longer knows this step.')
  })
})

test('what an undo would do is to take back each step that began, the last first, with what it made', async () => {
  const runId = await shop.carryToTheEnd(recipe())
  const { direction, steps } = previewUndo(...told(runId), recipe())
  expect(direction).toBe('undo')
  expect(steps.map(({ title, says }) => [title, says])).toEqual([
    ['address', 'There is nothing to take back.'],
    ['server', 'Deletes it.'],
  ])
  expect(steps[1]?.known).toMatchObject([{ key: 'ada-1', outcome: 'done', externalId: '123' }])
})

test('every step of every recipe says what it does when it is run again, and what its undo does', () => {
  const silent = allRecipes(shop.stage.services).flatMap(({ kind, steps }) =>
    steps
      .filter(({ again, undo, takesBack }) => !again || (undo && !takesBack))
      .map(({ name }) => `${kind}: ${name}`),
  )
  expect(silent).toEqual([])
})
