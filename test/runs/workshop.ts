import { eq } from 'drizzle-orm'
import type { ManualClock } from '../../src/clock'
import type { Db } from '../../src/db/open'
import { effects, runs } from '../../src/db/schema'
import { claimRuns } from '../../src/runs/claim'
import { Engine } from '../../src/runs/engine'
import { logOf } from '../../src/runs/list'
import type { Patience } from '../../src/runs/patience'
import { done, type Recipe, type Step } from '../../src/runs/recipe'
import { getRun, type RunRow } from '../../src/runs/run'
import { stepsOf } from '../../src/runs/steps'
import { queueRun } from '../../src/runs/verbs'
import { openStage, type Stage } from '../stage'

const LONG = { ms: 24 * 3_600_000 }

/** What a step does; unless it says otherwise, it may wait for a day. */
type StepWork = Pick<Step, 'run' | 'undo'> & { patience?: Patience }

export type Ends = Partial<Omit<Recipe, 'kind' | 'title' | 'steps'>>

/** A tenant without a live run, and an engine that carries runs of recipes made up for a test. */
export class Workshop {
  /** Which ends recipes came to, in order. */
  readonly ends: string[] = []
  /** What decides the jitter. */
  chance = 0

  private constructor(
    readonly stage: Stage,
    readonly tenantId: string,
  ) {}

  static async open(): Promise<Workshop> {
    const stage = openStage()
    const { tenantId, runId } = await stage.tenant()
    stage.services.db.write((tx) =>
      tx.update(runs).set({ status: 'cancelled' }).where(eq(runs.id, runId)).run(),
    )
    return new Workshop(stage, tenantId)
  }

  get db(): Db {
    return this.stage.services.db
  }

  get clock(): ManualClock {
    return this.stage.clock
  }

  recipe(steps: Record<string, Step['run'] | StepWork>, ends: Ends = {}): Recipe {
    const told = (word: string) => () => void this.ends.push(word)
    return {
      kind: 'made-up',
      title: 'Made up',
      steps: Object.entries(steps).map(([name, step]) => ({
        name,
        title: name,
        patience: LONG,
        ...(typeof step === 'function' ? { run: step } : step),
      })),
      succeeded: told('succeeded'),
      failed: told('failed'),
      undone: told('undone'),
      ...ends,
    }
  }

  engine(...recipes: Recipe[]): Engine {
    const { db, clock, log } = this.stage.services
    return new Engine({ db, clock, log, recipes, chance: () => this.chance })
  }

  queue(recipe: Recipe): string {
    return this.db.write((tx) => queueRun(tx, recipe, this.tenantId, {}, this.clock.now()))
  }

  /** Claims the run that is due, as a worker does; undefined when none is. */
  claim(holder = 'test'): RunRow | undefined {
    return this.db.write((tx) => claimRuns(tx, holder, 1, this.clock.now()))[0]
  }

  /** Claims and carries what is due now, once. */
  async carry(...recipes: Recipe[]): Promise<void> {
    const run = this.claim()
    if (run) await this.engine(...recipes).carry(run)
  }

  /** Queues a run of the recipe and carries it, also past its waits, until it ends. */
  async carryToTheEnd(recipe: Recipe, runId = this.queue(recipe)): Promise<string> {
    while (['queued', 'waiting'].includes(this.run(runId).status)) {
      this.clock.advance(Math.max(0, this.run(runId).availableAt - this.clock.now()))
      await this.carry(recipe)
    }
    return runId
  }

  run(runId: string): RunRow {
    return getRun(this.db.read, runId)
  }

  /** `name: status` of each step. */
  steps(runId: string): string[] {
    return stepsOf(this.db.read, runId).map(({ name, status }) => `${name}: ${status}`)
  }

  lines(runId: string): string[] {
    return logOf(this.db.read, runId).map(({ line }) => line)
  }

  ledger() {
    return this.db.read.select().from(effects).where(eq(effects.subject, this.tenantId)).all()
  }

  close(): Promise<void> {
    return this.stage.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

/** A step that only notes that it ran, and that it was undone. */
export function noting(notes: string[], name: string): Pick<Step, 'run' | 'undo'> {
  const note = (word: string) => async () => {
    notes.push(word)
    return done()
  }
  return { run: note(name), undo: note(`undo ${name}`) }
}
