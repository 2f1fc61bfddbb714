import type { Db, Reader, Tx } from '../db/open'
import type { AtlasError } from '../errors'
import type { Intent } from './effects'
import type { Patience } from './patience'

/** Ordered steps of a kind of run. Steps are found by name, so a recipe may gain steps while runs are live. */
export interface Recipe {
  readonly kind: string
  readonly title: string
  readonly steps: readonly Step[]
  /** Former steps, which runs that began them still finish or take back. */
  readonly retired?: readonly Step[]
  /** The first step that can't be taken back: once it has begun, a run only goes forward. */
  readonly pointOfNoReturn?: string
  /** Why this run can't be taken back from there, as a sentence; null when it can. Absent when none can. */
  noReturn?(db: Reader, run: RunFacts): string | null
  /** What becomes true with the run's last step, in the same transaction. */
  succeeded(tx: Tx, run: RunFacts, nowMs: number): void
  /** What becomes true when the run stops with a reason. */
  failed(tx: Tx, run: RunFacts, error: AtlasError, nowMs: number): void
  /** What becomes true when everything is undone. */
  undone(tx: Tx, run: RunFacts, nowMs: number): void
  /** What becomes true again when a failed run is tried again. */
  retried?(tx: Tx, run: RunFacts, nowMs: number): void
  /** What becomes true when a run turns back, because somebody undoes a failed one or cancels a live one. */
  turned?(tx: Tx, run: RunFacts, nowMs: number): void
}

/** One step: it finds or creates, so that running it again after a crash does nothing twice. */
export type Step = SwiftStep | (StepWords & PatientWork)

/** A step that never waits. */
export type SwiftStep = StepWords & SwiftWork

type StepWords = {
  readonly name: string
  readonly title: string
  /** What it does when it is run again, in a sentence: 'Finds the server by its name, or creates it.' */
  readonly again?: string
  /** What its undo does, in a sentence: 'Deletes the server and everything on it.' */
  readonly takesBack?: string
}

type SwiftWork = {
  readonly patience?: undefined
  run(context: StepContext): Promise<Done>
  /** Takes back what the step made or may have made; absent when there is nothing outside to take back. */
  undo?(context: StepContext): Promise<Done>
}

/** What may wait, and says for how long: then the run fails, so that no step waits for ever. */
type PatientWork = {
  readonly patience: Patience
  run(context: StepContext): Promise<StepResult>
  undo?(context: StepContext): Promise<StepResult>
}

/** The step, done only in runs that want it; every other one says why it was skipped. */
export function onlyIf(step: Step, wanted: { by: (run: RunFacts) => boolean; else: string }): Step {
  const { run, undo, patience = { ms: 0 } } = step
  const skipped = async () => done({ skipped: wanted.else })
  return {
    ...step,
    patience,
    run: (context) => (wanted.by(context.run) ? run(context) : skipped()),
    undo: undo && ((context) => (wanted.by(context.run) ? undo(context) : skipped())),
  }
}

export type RunFacts = {
  id: string
  kind: string
  tenantId: string
  direction: 'forward' | 'undo'
  input: Record<string, unknown>
}

export type StepContext = {
  run: RunFacts
  /** The name of the step. */
  step: string
  db: Db
  /** When this step first began, in this try of the run. */
  startedAt: number
  now(): number
  /** What an earlier step returned. Throws `internal` when it has not run. */
  output(step: string): Record<string, unknown>
  /** Writes the intent to the ledger, makes the call, writes its outcome. */
  effect<T>(intent: Intent, call: () => Promise<T>, externalId?: (result: T) => string | null): Promise<T>
  /** Adds a line to the run's log, secrets blotted out. */
  log(line: string): void
}

export type StepResult = Wait | Done

/** Look again after `ms`; `why` is shown to the operator. */
export type Wait = {
  kind: 'wait'
  ms: number
  why: string
  /** Whom or what it waits for when that is no machine: a person to decide, or room for another server. */
  awaits?: 'person' | 'room'
}

/** Finished: `output` is kept for later steps, `commit` joins the transaction that marks the step. */
export type Done = { kind: 'done'; output: Record<string, unknown>; commit?: (tx: Tx, nowMs: number) => void }

export const wait = (ms: number, why: string, awaits?: Wait['awaits']): Wait => ({
  kind: 'wait',
  ms,
  why,
  awaits,
})

export const done = (output: Done['output'] = {}, commit?: Done['commit']): Done => ({
  kind: 'done',
  output,
  commit,
})
