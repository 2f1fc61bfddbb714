import { backupRecipe } from '../backups/recipe'
import { restoreRecipe } from '../backups/restore'
import { provisionRecipe } from '../provisioning/recipe'
import { targetRecipe } from '../rollouts/recipe'
import type { Recipe } from '../runs/recipe'
import type { Services } from '../services'
import { deleteRecipe } from './deletion'
import { moveRecipe } from './move'
import { changePlanRecipe } from './plan-change'
import { secretRotationRecipe } from './secret-rotation'
import { resumeRecipe, suspendRecipe } from './suspension'

/** Every kind of run that this Atlas knows. */
export function allRecipes(services: Services): Recipe[] {
  return [
    provisionRecipe(services),
    suspendRecipe(services),
    resumeRecipe(services),
    changePlanRecipe(services),
    deleteRecipe(services),
    backupRecipe(services),
    restoreRecipe(services),
    moveRecipe(services),
    secretRotationRecipe(services),
    targetRecipe(services),
  ]
}
