import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { signups, tenants } from '../../src/db/schema'
import { allRecipes } from '../../src/lifecycle/recipes'
import { TTL_SECONDS } from '../../src/provisioning/name'
import { PATIENCE } from '../../src/provisioning/patience'
import type { Patience } from '../../src/runs/patience'
import { done, type Recipe, type Step, wait } from '../../src/runs/recipe'
import { undoRun } from '../../src/runs/verbs'
import { Workshop } from '../runs/workshop'
import { ADMIN_EMAIL, openStage } from '../stage'

const DAY_MS = 24 * 3_600_000

/** Every step of every recipe that may wait. */
const waiting = (() => {
  const stage = openStage()
  const steps = allRecipes(stage.services).flatMap(({ kind, steps }) =>
    steps.flatMap(({ name, patience, undo }) => (patience ? [{ kind, name, patience, undo }] : [])),
  )
  void stage.close()
  return steps.map(({ undo, patience, ...step }) => ({
    ...step,
    patience: patience as Patience,
    isUndone: undo !== undefined,
  }))
})()

let shop: Workshop
beforeAll(async () => {
  shop = await Workshop.open()
})
afterAll(() => shop.close())
/** The recipe as it is, but with other work in each of its steps. */
function recast(shop: Workshop, kind: string, work: (step: Step) => Pick<Step, 'run' | 'undo'>): Recipe {
  const recipe = allRecipes(shop.stage.services).find((one) => one.kind === kind)!
  const steps = recipe.steps.map((step) => {
    const { name, title, patience = { ms: 0 } } = step
    return { name, title, patience, ...work(step) }
  })
  return { ...recipe, steps }
}

const ready = async () => done()
const broken = async () => Promise.reject(new Error('It broke.'))
const endless = async () => wait(DAY_MS, 'It is not over yet.')

describe('no step waits for ever', () => {
  test('but for the cool-off, which waits for a person, and a full cloud, which waits for room', () => {
    const excepted = waiting.flatMap(({ kind, name, patience: { except } }) =>
      except ? [`${kind}, ${name}: ${except}`] : [],
    )
    expect(excepted).toEqual([
      'provision, create-server: room',
      'delete, cool-off: person',
      'move, create-server: room',
    ])
  })

  test('and all that a recipe may wait for fits into a day', () => {
    const recipes = Object.entries(Object.groupBy(waiting, ({ kind }) => kind))
    expect(recipes.length).toBeGreaterThan(5)
    for (const [kind, steps = []] of recipes) {
      const sumMs = steps.reduce((sum, { patience }) => sum + patience.ms, 0)
      expect([kind, sumMs < DAY_MS]).toEqual([kind, true])
    }
  })

  test('and a record has time enough to be removed and forgotten', () => {
    expect(PATIENCE.name.ms).toBeGreaterThan(2 * TTL_SECONDS * 1_000 + 10 * 60_000)
  })

  test.each(waiting)(
    '$kind, $name: it fails in its time, and the operator is told',
    async ({ kind, name, patience }) => {
      shop.db.write((tx) => {
        tx.update(tenants).set({ status: 'provisioning' }).run()
        tx.update(signups).set({ status: 'provisioning' }).run()
      })
      const recipe = recast(shop, kind, (step) => ({ run: step.name === name ? endless : ready }))
      const begunAt = shop.clock.now()
      const id = await shop.carryToTheEnd(recipe)
      expect(shop.run(id)).toMatchObject({ status: 'failed', step: name })
      expect(shop.run(id).reason).toContain('It is not over yet.')
      expect(shop.clock.now() - begunAt).toBe(patience.ms)
      const mail = shop.stage.mails().at(-1)
      expect(mail).toMatchObject({ to: ADMIN_EMAIL })
      expect(mail?.text).toContain(id)
    },
  )

  test.each(waiting.filter(({ isUndone }) => isUndone))(
    '$kind, $name: it fails in its time when it is taken back',
    async ({ kind, name, patience }) => {
      await using shop = await Workshop.open()
      const recipe = recast(shop, kind, (step) =>
        step.name === name ? { run: broken, undo: endless } : { run: ready, undo: ready },
      )
      const id = await shop.carryToTheEnd(recipe)
      shop.db.write((tx) => undoRun(tx, recipe, id, shop.clock.now()))
      const begunAt = shop.clock.now()
      await shop.carryToTheEnd(recipe, id)
      expect(shop.run(id)).toMatchObject({ status: 'failed', direction: 'undo' })
      expect(shop.clock.now() - begunAt).toBe(patience.ms)
    },
  )
})
