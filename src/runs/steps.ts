import { and, asc, desc, eq, inArray, isNotNull, ne, notInArray, sql } from 'drizzle-orm'
import type { Reader, Tx } from '../db/open'
import { inserting, prepared, updating } from '../db/prepared'
import { steps } from '../db/schema'
import { AtlasError } from '../errors'
import type { Recipe, Step } from './recipe'

export type StepRow = typeof steps.$inferSelect

/** Changes a step's row. */
export const setStep = updating(steps, 'runId', 'position')

const stepsOfRun = prepared((db) =>
  db
    .select()
    .from(steps)
    .where(eq(steps.runId, sql.placeholder('runId')))
    .orderBy(asc(steps.position))
    .prepare(),
)

export function stepsOf(db: Reader, runId: string): StepRow[] {
  return stepsOfRun(db).all({ runId })
}

const firstAhead = prepared((db) =>
  db
    .select()
    .from(steps)
    .where(and(eq(steps.runId, sql.placeholder('runId')), ne(steps.status, 'succeeded')))
    .orderBy(asc(steps.position))
    .limit(1)
    .prepare(),
)
const lastBegun = prepared((db) =>
  db
    .select()
    .from(steps)
    .where(and(eq(steps.runId, sql.placeholder('runId')), notInArray(steps.status, ['pending', 'undone'])))
    .orderBy(desc(steps.position))
    .limit(1)
    .prepare(),
)

/** Forward: the first step not done. Undoing: the last step that began and is not undone yet. */
export function nextStep(
  db: Reader,
  { id: runId, direction }: { id: string; direction: 'forward' | 'undo' },
): StepRow | undefined {
  return (direction === 'forward' ? firstAhead : lastBegun)(db).get({ runId })
}

const outputOfStep = prepared((db) =>
  db
    .select({ output: steps.output })
    .from(steps)
    .where(and(eq(steps.runId, sql.placeholder('runId')), eq(steps.name, sql.placeholder('name'))))
    .prepare(),
)

/** What a step has left. Throws `internal` when it has not been done. */
export function outputOf(db: Reader, runId: string, name: string): Record<string, unknown> {
  const output = outputOfStep(db).get({ runId, name })?.output
  if (!output) throw new AtlasError('internal', `The step ${name} has not run yet.`)
  return JSON.parse(output) as Record<string, unknown>
}

/** The step of a recipe that a row names, also one that the recipe has no more. */
export function findStep(recipe: Recipe, name: string): Step | undefined {
  return [...recipe.steps, ...(recipe.retired ?? [])].find((step) => step.name === name)
}

const insertStep = inserting(steps)

/** Writes a run's steps as they will be done. */
export function plan(tx: Tx, runId: string, recipe: readonly Step[], firstPosition = 0): void {
  for (const [index, { name, title }] of recipe.entries())
    insertStep(tx, { runId, position: firstPosition + index, name, title, status: 'pending' })
}

const orderOf = prepared((db) =>
  db
    .select({ position: steps.position, name: steps.name, status: steps.status })
    .from(steps)
    .where(eq(steps.runId, sql.placeholder('runId')))
    .orderBy(asc(steps.position))
    .prepare(),
)

/**
 * Brings the steps that a run has not begun up to its recipe, which may be another one than when it was queued.
 * What has begun stays as it was; what the recipe put before it is not made up for.
 */
export function align(tx: Tx, runId: string, recipe: Recipe): void {
  const rows = orderOf(tx).all({ runId })
  const begun = rows.filter(({ status }) => status !== 'pending')
  const names = new Set(begun.map(({ name }) => name))
  const last = recipe.steps.findLastIndex(({ name }) => names.has(name))
  const ahead = recipe.steps.filter(({ name }, index) => index > last && !names.has(name))
  const planned = rows.slice(begun.length).map(({ name }) => name)
  if (
    Bun.deepEquals(
      planned,
      ahead.map(({ name }) => name),
    )
  )
    return
  tx.delete(steps)
    .where(and(eq(steps.runId, runId), eq(steps.status, 'pending')))
    .run()
  plan(tx, runId, ahead, (begun.at(-1)?.position ?? -1) + 1)
}

/** Whether a run has begun what its recipe can't take back. */
export function isPastReturn(rows: readonly StepRow[], { pointOfNoReturn }: Recipe): boolean {
  return rows.some(({ name, status }) => name === pointOfNoReturn && status !== 'pending')
}

/** Lets the step that stopped or waited begin anew, with its own time and tries. */
export function refreshSteps(tx: Tx, runId: string): void {
  tx.update(steps)
    .set({ startedAt: null, finishedAt: null, reason: null, awaits: null, attempts: 0 })
    .where(
      and(
        eq(steps.runId, runId),
        inArray(steps.status, ['failed', 'waiting', 'running']),
        isNotNull(steps.startedAt),
      ),
    )
    .run()
}
