import { provisionRecipe } from '../provisioning/recipe'
import type { Recipe } from '../runs/recipe'
import type { Services } from '../services'

/** Every kind of run that this Atlas knows. */
export function allRecipes(services: Services): Recipe[] {
  return [provisionRecipe(services)]
}
