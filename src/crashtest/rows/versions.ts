import { allRecipes } from '../../lifecycle/recipes'
import { done, type Recipe, type Step } from '../../runs/recipe'
import type { Services } from '../../services'
import { RUNS, Trial } from '../kinds'
import { type Row, Tally } from '../row'

const ADDED: Step = {
  name: 'look-once-more',
  title: 'Look once more',
  again: 'Looks again.',
  run: async () => done(),
}

/** What the next version of Atlas has made of a recipe. */
const CHANGES: [says: string, change: (recipe: Recipe) => Recipe][] = [
  ['a step is added first', (recipe) => ({ ...recipe, steps: [ADDED, ...recipe.steps] })],
  ['a step is added last', (recipe) => ({ ...recipe, steps: [...recipe.steps, ADDED] })],
  [
    'a step is added in the middle',
    (recipe) => ({ ...recipe, steps: recipe.steps.toSpliced(recipe.steps.length >> 1, 0, ADDED) }),
  ],
]

/** What the version before had more, and the next one has retired; or had in another order. */
const FORMER: [says: string, former: (recipe: Recipe) => Recipe, next: (recipe: Recipe) => Recipe][] = [
  ...CHANGES.map(([says, next]): (typeof FORMER)[number] => [says, (recipe) => recipe, next]),
  ...[0, 1, 2].map((place): (typeof FORMER)[number] => [
    `a step is removed (${place})`,
    (recipe) => ({
      ...recipe,
      steps: recipe.steps.toSpliced(Math.min(place * 2, recipe.steps.length), 0, ADDED),
    }),
    (recipe) => ({ ...recipe, retired: [...(recipe.retired ?? []), ADDED] }),
  ]),
  [
    'a step goes from the end to the beginning',
    (recipe) => ({ ...recipe, steps: [...recipe.steps, ADDED] }),
    (recipe) => ({ ...recipe, steps: [ADDED, ...recipe.steps] }),
  ],
]

/** A7: runs that were begun by one version of a recipe and are finished by another. */
export const versions: Row = {
  name: 'A7',
  says: 'a recipe that gains, loses or reorders a step while runs of the old version are live',
  async run({ shop, kinds, ...task }) {
    const tally = new Tally(task)
    for (const kind of RUNS) {
      if (kinds.length > 0 && !kinds.includes(kind.name)) continue
      const trial = await Trial.of(shop, kind)
      const moments = (await trial.run([], { rests: 0 })).moments[0] ?? []
      for (const [says, former, next] of FORMER) {
        const recipes = (services: Services, life: number) =>
          allRecipes(services).map((recipe) => (life === 1 ? former(recipe) : next(recipe)))
        for (const [moment, name] of moments.entries()) {
          // Between two commits a recipe is at the same place.
          if (name !== 'commit' || !tally.isMine) continue
          tally.note(
            `${kind.name}, ${says}, at moment ${moment}`,
            await trial.run([moment], { recipes, rests: 0 }),
          )
        }
      }
    }
    return tally.found
  },
}
