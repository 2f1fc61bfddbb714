import type { Clock } from '../clock'
import type { Db } from '../db/open'
import { AtlasError, asAtlasError } from '../errors'
import type { Log } from '../log'
import { Claim, ClaimLost } from './claim'
import { performEffect } from './effects'
import type { Done, Recipe, Step, StepContext, Wait } from './recipe'
import { factsOf, isCancelled, type RunRow } from './run'
import { addRunLog } from './run-log'
import { pause, stumble } from './setback'
import { align, findStep, nextStep, outputOf, type StepRow, setStep } from './steps'
import { turnIfAsked } from './verbs'

export type EngineParts = {
  db: Db
  clock: Clock
  log: Log
  recipes: readonly Recipe[]
  /** A number in [0, 1), for jitter. */
  chance: () => number
}

/** Carries claimed runs through their recipes, each step saved before the next begins. */
export class Engine {
  constructor(private readonly parts: EngineParts) {}

  /** Works on a claimed run until it waits, stops or ends. Never throws: what goes wrong is in the run. */
  async carry(run: RunRow): Promise<void> {
    const claim = new Claim(this.parts.db, this.parts.clock, run)
    const recipe = this.parts.recipes.find((candidate) => candidate.kind === run.kind)
    try {
      if (!recipe) return this.refuse(claim)
      if (run.direction === 'forward') claim.write((tx) => align(tx, run.id, recipe))
      while (await this.advance(claim, recipe)) {}
    } catch (thrown) {
      if (!(thrown instanceof ClaimLost)) throw thrown
      this.parts.log.warn('a run was taken over', { run: run.id })
    }
  }

  private refuse(claim: Claim): void {
    const reason = `This Atlas has no recipe for ${claim.run.kind}. Was the run queued by a newer one?`
    const finishedAt = this.parts.clock.now()
    claim.write((tx) => claim.release(tx, { status: 'failed', reason, errorCode: 'internal', finishedAt }))
  }

  /** Does one step; resolves to whether there is more to do right now. */
  private async advance(claim: Claim, recipe: Recipe): Promise<boolean> {
    this.turn(claim, recipe)
    const row = nextStep(this.parts.db.read, claim.run)
    try {
      if (!row) return this.finish(claim, recipe)
      const startedAt = this.begin(claim, row)
      const step = stepOf(recipe, row)
      const result = await this.perform(claim, step, startedAt)
      if (result.kind === 'done') this.save(claim, row, result)
      else pause(this.parts, { claim, recipe, row }, { step, wait: result, startedAt })
      return result.kind === 'done'
    } catch (thrown) {
      if (thrown instanceof ClaimLost) throw thrown
      this.breakOff(claim, recipe, row, asAtlasError(thrown))
      return false
    }
  }

  /** Turns the run round when somebody has asked for it; returns whether it did. */
  private turn(claim: Claim, recipe: Recipe): boolean {
    const { run } = claim
    if (!isCancelled(this.parts.db.read, run.id)) return false
    let turned = false
    claim.write((tx) => {
      turned = turnIfAsked(tx, recipe, run, this.parts.clock.now())
    })
    if (turned) Object.assign(run, { direction: 'undo', attempts: 0 })
    return turned
  }

  private begin(claim: Claim, row: StepRow): number {
    const nowMs = this.parts.clock.now()
    const fresh = row.startedAt === null || row.status === 'succeeded'
    const startedAt = fresh ? nowMs : (row.startedAt ?? nowMs)
    // Looking again after a wait is the same attempt; only a failure makes the next one.
    const looksAgain = row.status === 'waiting' && claim.run.attempts === 0
    const attempts = row.attempts + (looksAgain ? 0 : 1)
    claim.write((tx) => {
      claim.change(tx, { step: row.name, reason: null })
      setStep(tx, row, { status: 'running', startedAt, attempts })
    })
    return startedAt
  }

  private async perform(claim: Claim, step: Step, startedAt: number): Promise<Done | Wait> {
    const context = this.context(claim, step, startedAt)
    if (claim.run.direction === 'forward') return step.run(context)
    return step.undo ? step.undo(context) : { kind: 'done', output: {} }
  }

  private context(claim: Claim, step: Step, startedAt: number): StepContext {
    const { db, clock, log } = this.parts
    const { run } = claim
    const place = { subject: run.tenantId, runId: run.id, step: step.name }
    return {
      run: factsOf(run),
      step: step.name,
      db,
      startedAt,
      now: () => clock.now(),
      output: (name) => outputOf(db.read, run.id, name),
      effect: async (intent, call, externalId) => {
        claim.mustStand()
        return performEffect(db, clock, place, intent, call, externalId)
      },
      log: (line) => claim.write((tx) => addRunLog(tx, run.id, step.name, log.redact(line), clock.now())),
    }
  }

  private save(claim: Claim, row: StepRow, { output, commit }: Done): void {
    const { run } = claim
    const nowMs = this.parts.clock.now()
    claim.write((tx) => {
      commit?.(tx, nowMs)
      const change = { reason: null, awaits: null, finishedAt: nowMs }
      if (run.direction === 'undo') setStep(tx, row, { ...change, status: 'undone' })
      else setStep(tx, row, { ...change, status: 'succeeded', output: JSON.stringify(output) })
      claim.change(tx, { attempts: 0, reason: null })
    })
    run.attempts = 0
  }

  /** What went wrong is followed, unless somebody has asked for the way back meanwhile. */
  private breakOff(claim: Claim, recipe: Recipe, row: StepRow | undefined, error: AtlasError): void {
    const { log, clock } = this.parts
    if (error.code === 'internal') log.error('a step broke', error, { run: claim.run.id, step: row?.name })
    if (!this.turn(claim, recipe)) {
      stumble(this.parts, { claim, recipe, row }, error)
      return
    }
    const availableAt = clock.now()
    claim.write((tx) => claim.release(tx, { status: 'queued', availableAt }))
  }

  private finish(claim: Claim, recipe: Recipe): false {
    const { run } = claim
    const nowMs = this.parts.clock.now()
    claim.write((tx) => {
      const undone = run.direction === 'undo'
      claim.release(tx, { status: undone ? 'cancelled' : 'succeeded', reason: null, finishedAt: nowMs })
      if (undone) recipe.undone(tx, factsOf(run), nowMs)
      else recipe.succeeded(tx, factsOf(run), nowMs)
    })
    return false
  }
}

function stepOf(recipe: Recipe, { name }: StepRow): Step {
  const step = findStep(recipe, name)
  if (!step) throw new AtlasError('internal', `This Atlas no longer knows the step ${name}.`)
  return step
}
