import { effectsOfRun } from '../runs/list'
import { type Preview, previewRetry, previewUndo } from '../runs/preview'
import type { RunRow } from '../runs/run'
import { stepsOf } from '../runs/steps'
import type { Services } from '../services'
import { allRecipes } from './recipes'

/** What retrying a stopped run would do; null when this Atlas has no recipe for it. */
export const foreseeRetry = (services: Services, run: RunRow) => foresee(services, run, run.direction)

/** What undoing it would do. */
export const foreseeUndo = (services: Services, run: RunRow) => foresee(services, run, 'undo')

function foresee(services: Services, run: RunRow, direction: RunRow['direction']): Preview | null {
  const { read } = services.db
  const recipe = allRecipes(services).find(({ kind }) => kind === run.kind)
  if (!recipe) return null
  const preview = direction === 'undo' ? previewUndo : previewRetry
  return preview(stepsOf(read, run.id), effectsOfRun(read, run.id), recipe)
}
