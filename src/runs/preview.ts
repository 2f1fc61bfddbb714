import type { effects } from '../db/schema'
import type { Recipe, Step } from './recipe'
import type { RunRow } from './run'
import { findStep, type StepRow } from './steps'

type EffectRow = typeof effects.$inferSelect

/** What is known of a call that a step has made before: the latest of each kind and key. */
export type KnownEffect = Pick<
  EffectRow,
  'provider' | 'verb' | 'key' | 'outcome' | 'externalId' | 'error' | 'requestedAt'
>

/** One step as it will be done: what it says of itself, and what it has to reckon with. */
export type PreviewedStep = { name: string; title: string; says: string; known: KnownEffect[] }

/** What a stopped run would do, without doing it. */
export type Preview = {
  direction: RunRow['direction']
  steps: PreviewedStep[]
}

/** What going on with a run would do: the step that stopped first, then those behind it. */
export function previewRetry(rows: StepRow[], ledger: EffectRow[], recipe: Recipe): Preview {
  const ahead = rows.filter(({ status }) => status !== 'succeeded')
  const steps = ahead.map((row) => previewOf(row, ledger, againWords(row, findStep(recipe, row.name))))
  return { direction: 'forward', steps }
}

/** What undoing a run would do: each step that began is taken back, the last first. */
export function previewUndo(rows: StepRow[], ledger: EffectRow[], recipe: Recipe): Preview {
  const begun = rows.filter(({ status }) => status !== 'pending' && status !== 'undone').toReversed()
  const steps = begun.map((row) => previewOf(row, ledger, backWords(findStep(recipe, row.name))))
  return { direction: 'undo', steps }
}

function previewOf({ name, title }: StepRow, ledger: EffectRow[], says: string): PreviewedStep {
  const latest = new Map<string, KnownEffect>()
  for (const effect of ledger) {
    if (effect.step === name) latest.set(`${effect.provider} ${effect.verb} ${effect.key}`, effect)
  }
  return { name, title, says, known: [...latest.values()] }
}

function againWords({ status }: StepRow, step: Step | undefined): string {
  if (!step) return 'This Atlas no longer knows this step.'
  // A step that never began has nothing to find.
  if (status === 'pending') return ''
  return step.again ?? 'It is done from its beginning; what it made before is found.'
}

function backWords(step: Step | undefined): string {
  if (!step) return 'This Atlas no longer knows this step.'
  if (!step.undo) return 'There is nothing to take back.'
  return step.takesBack ?? 'What it made is taken back.'
}
