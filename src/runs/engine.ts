import { and, eq, sql } from 'drizzle-orm'
import type { Clock } from '../clock'
import type { Db, Reader, Tx } from '../db/open'
import { prepared, updating } from '../db/prepared'
import { runs, steps } from '../db/schema'
import { AtlasError, asAtlasError } from '../errors'
import type { Log } from '../log'
import { backOffMs } from './back-off'
import { performEffect } from './effects'
import { allowedMs, inVain } from './patience'
import type { Done, Recipe, Step, StepContext, Wait } from './recipe'
import { addRunLog, factsOf, isCancelled, pastReturn, type RunRow, turnIfAsked } from './run'
import { align, findStep, nextStep, outputOf, type StepRow } from './steps'

export type EngineParts = {
  db: Db
  clock: Clock
  log: Log
  recipes: readonly Recipe[]
  /** A number in [0, 1), for jitter. */
  chance: () => number
}

export const STEP_ATTEMPTS_MAX = 10
/** Whoever asks for more is asked again all the same, or a run would hang on one wrong number. */
const RETRY_AFTER_MAX_MS = 1_800_000

/** Thrown when a run was claimed by somebody else in the meantime: nothing more may be written. */
class ClaimLost extends Error {}

/** Carries claimed runs through their recipes, each step saved before the next begins. */
export class Engine {
  constructor(private readonly parts: EngineParts) {}

  /** Works on a claimed run until it waits, stops or ends. Never throws: what goes wrong is in the run. */
  async carry(run: RunRow): Promise<void> {
    const recipe = this.parts.recipes.find((candidate) => candidate.kind === run.kind)
    try {
      if (!recipe) return this.refuse(run)
      if (run.direction === 'forward') this.whileHeld(run, (tx) => align(tx, run.id, recipe))
      while (await this.advance(run, recipe)) {}
    } catch (thrown) {
      if (!(thrown instanceof ClaimLost)) throw thrown
      this.parts.log.warn('a run was taken over', { run: run.id })
    }
  }

  private refuse(run: RunRow): void {
    const reason = `This Atlas has no recipe for ${run.kind}. Was the run queued by a newer one?`
    const finishedAt = this.parts.clock.now()
    this.whileHeld(run, (tx) =>
      this.release(tx, run, { status: 'failed', reason, errorCode: 'internal', finishedAt }),
    )
  }

  /** Does one step; resolves to whether there is more to do right now. */
  private async advance(run: RunRow, recipe: Recipe): Promise<boolean> {
    this.turn(run, recipe)
    const row = nextStep(this.parts.db.read, run)
    try {
      if (!row) return this.finish(run, recipe)
      const startedAt = this.begin(run, row)
      const step = stepOf(recipe, row)
      const result = await this.perform(run, step, startedAt)
      if (result.kind === 'done') this.save(run, row, result)
      else this.pause(run, row, result, this.pauseMs(run, recipe, step, result, startedAt))
      return result.kind === 'done'
    } catch (thrown) {
      if (thrown instanceof ClaimLost) throw thrown
      this.stumble(run, row, recipe, asAtlasError(thrown))
      return false
    }
  }

  /** Turns the run round when somebody has asked for it; returns whether it did. */
  private turn(run: RunRow, recipe: Recipe): boolean {
    if (!isCancelled(this.parts.db.read, run.id)) return false
    let turned = false
    this.whileHeld(run, (tx) => {
      turned = turnIfAsked(tx, recipe, run, this.parts.clock.now())
    })
    if (turned) Object.assign(run, { direction: 'undo', attempts: 0 })
    return turned
  }

  private goOn(run: RunRow): void {
    const availableAt = this.parts.clock.now()
    this.whileHeld(run, (tx) => this.release(tx, run, { status: 'queued', availableAt }))
  }

  private begin(run: RunRow, row: StepRow): number {
    const nowMs = this.parts.clock.now()
    const fresh = row.startedAt === null || row.status === 'succeeded'
    const startedAt = fresh ? nowMs : (row.startedAt ?? nowMs)
    // Looking again after a wait is the same attempt; only a failure makes the next one.
    const looksAgain = row.status === 'waiting' && run.attempts === 0
    const attempts = row.attempts + (looksAgain ? 0 : 1)
    this.whileHeld(run, (tx) => {
      changeRun(tx, run, { step: row.name, reason: null })
      setStep(tx, row, { status: 'running', startedAt, attempts })
    })
    return startedAt
  }

  private async perform(run: RunRow, step: Step, startedAt: number): Promise<Done | Wait> {
    const context = this.context(run, step, startedAt)
    if (run.direction === 'forward') return step.run(context)
    return step.undo ? step.undo(context) : { kind: 'done', output: {} }
  }

  private context(run: RunRow, step: Step, startedAt: number): StepContext {
    const { db, clock, log } = this.parts
    const place = { subject: run.tenantId, runId: run.id, step: step.name }
    return {
      run: factsOf(run),
      step: step.name,
      db,
      startedAt,
      now: () => clock.now(),
      output: (name) => outputOf(db.read, run.id, name),
      effect: async (intent, call, externalId) => {
        mustHold(db.read, run)
        return performEffect(db, clock, place, intent, call, externalId)
      },
      log: (line) =>
        this.whileHeld(run, (tx) => addRunLog(tx, run.id, step.name, log.redact(line), clock.now())),
    }
  }

  /** Throws `conflict` when the step has waited for as long as it may. */
  private pauseMs(run: RunRow, recipe: Recipe, step: Step, wait: Wait, startedAt: number): number {
    const ms = allowedMs(step, wait, this.parts.clock.now() - startedAt)
    if (ms !== null) return ms
    const mayUndo = run.direction === 'forward' && pastReturn(this.parts.db.read, recipe, run) === null
    throw inVain(step, wait, mayUndo)
  }

  private pause(run: RunRow, row: StepRow, { why, awaits }: Wait, ms: number): void {
    const availableAt = this.parts.clock.now() + ms
    this.whileHeld(run, (tx) => {
      setStep(tx, row, { status: 'waiting', reason: why, awaits: awaits ?? null })
      this.release(tx, run, { status: 'waiting', attempts: 0, availableAt, reason: why })
    })
    run.attempts = 0
  }

  private save(run: RunRow, row: StepRow, { output, commit }: Done): void {
    const nowMs = this.parts.clock.now()
    this.whileHeld(run, (tx) => {
      commit?.(tx, nowMs)
      const change = { reason: null, awaits: null, finishedAt: nowMs }
      if (run.direction === 'undo') setStep(tx, row, { ...change, status: 'undone' })
      else setStep(tx, row, { ...change, status: 'succeeded', output: JSON.stringify(output) })
      changeRun(tx, run, { attempts: 0, reason: null })
    })
    run.attempts = 0
  }

  /** What is unavailable is tried again, ever later; everything else stops the run with a reason. */
  private stumble(run: RunRow, row: StepRow | undefined, recipe: Recipe, error: AtlasError): void {
    if (error.code === 'internal')
      this.parts.log.error('a step broke', error, { run: run.id, step: row?.name })
    if (this.turn(run, recipe)) {
      this.goOn(run)
      return
    }
    const attempts = run.attempts + 1
    if (error.code === 'unavailable' && attempts < STEP_ATTEMPTS_MAX) this.tryAgain(run, row, attempts, error)
    else this.fail(run, row, recipe, error)
  }

  private tryAgain(run: RunRow, row: StepRow | undefined, attempts: number, error: AtlasError): void {
    const { clock, chance } = this.parts
    const pauseMs = Math.max(
      backOffMs(attempts, chance()),
      Math.min(error.retryAfterMs ?? 0, RETRY_AFTER_MAX_MS),
    )
    const reason = error.message
    this.whileHeld(run, (tx) => {
      if (row) setStep(tx, row, { status: 'waiting', reason, awaits: null })
      this.release(tx, run, { status: 'waiting', attempts, availableAt: clock.now() + pauseMs, reason })
    })
  }

  private fail(run: RunRow, row: StepRow | undefined, recipe: Recipe, error: AtlasError): void {
    const finishedAt = this.parts.clock.now()
    const reason = error.message
    const stop = (consequences: (tx: Tx) => void) =>
      this.whileHeld(run, (tx) => {
        if (row) setStep(tx, row, { status: 'failed', reason, awaits: null, finishedAt })
        this.release(tx, run, { status: 'failed', reason, errorCode: error.code, finishedAt })
        consequences(tx)
      })
    try {
      stop((tx) => recipe.failed(tx, factsOf(run), error, finishedAt))
    } catch (thrown) {
      if (thrown instanceof ClaimLost) throw thrown
      // A run that has stopped can be seen and retried; one that stays claimed is forgotten.
      this.parts.log.error('a failure had no consequences', thrown, { run: run.id })
      stop(() => {})
    }
  }

  private finish(run: RunRow, recipe: Recipe): false {
    const nowMs = this.parts.clock.now()
    this.whileHeld(run, (tx) => {
      const undone = run.direction === 'undo'
      this.release(tx, run, { status: undone ? 'cancelled' : 'succeeded', reason: null, finishedAt: nowMs })
      if (undone) recipe.undone(tx, factsOf(run), nowMs)
      else recipe.succeeded(tx, factsOf(run), nowMs)
    })
    return false
  }

  private release(tx: Tx, run: RunRow, change: Partial<RunRow>): void {
    // Whoever asked for it to turn back meanwhile must not wait for what it waits for.
    const turns = change.status === 'waiting' && isCancelled(tx, run.id)
    const availableAt = turns ? this.parts.clock.now() : change.availableAt
    changeRun(tx, run, { ...change, availableAt, claimedBy: null })
  }

  /** Writes only while the claim that this worker took still stands. */
  private whileHeld(run: RunRow, work: (tx: Tx) => void): void {
    this.parts.db.write((tx) => {
      mustHold(tx, run)
      work(tx)
    })
  }
}

const changeRun = updating(runs, 'id')
const setStep = updating(steps, 'runId', 'position')

const claim = prepared((db) =>
  db
    .select({ id: runs.id })
    .from(runs)
    .where(
      and(
        eq(runs.id, sql.placeholder('id')),
        eq(runs.status, 'running'),
        eq(runs.fence, sql.placeholder('fence')),
      ),
    )
    .prepare(),
)

function mustHold(db: Reader, { id, fence }: RunRow): void {
  if (!claim(db).get({ id, fence })) throw new ClaimLost()
}

function stepOf(recipe: Recipe, { name }: StepRow): Step {
  const step = findStep(recipe, name)
  if (!step) throw new AtlasError('internal', `This Atlas no longer knows the step ${name}.`)
  return step
}
