import { and, asc, eq, lte, min, sql } from 'drizzle-orm'
import type { Clock } from '../clock'
import type { Db, Reader, Tx } from '../db/open'
import { prepared, updating } from '../db/prepared'
import { runs } from '../db/schema'
import { recoverEffects } from './effects'
import { isCancelled, type RunRow } from './run'

/** Literals, because SQLite uses no partial index for bound values. */
const IS_WAITING = sql`${runs.status} IN ('queued', 'waiting')`

const earliestRun = prepared((db) =>
  db
    .select({ at: min(runs.availableAt) })
    .from(runs)
    .where(IS_WAITING)
    .prepare(),
)

/** When the next run wants to be worked on; null when none does. */
export function nextRunDueAt(db: Reader): number | null {
  return earliestRun(db).get()?.at ?? null
}

const dueRuns = prepared((db) =>
  db
    .select()
    .from(runs)
    .where(and(IS_WAITING, lte(runs.availableAt, sql.placeholder('nowMs'))))
    .orderBy(asc(runs.availableAt))
    .limit(sql.placeholder('limit'))
    .prepare(),
)
const changeRun = updating(runs, 'id')

/** Claims due runs, oldest first. Each claim raises the fence, so that a former holder can finish nothing. */
export function claimRuns(tx: Tx, holder: string, limit: number, nowMs: number): RunRow[] {
  const due = dueRuns(tx).all({ nowMs, limit })
  for (const run of due) {
    run.fence += 1
    const startedAt = run.startedAt ?? nowMs
    changeRun(tx, run, { status: 'running', claimedBy: holder, fence: run.fence, startedAt })
  }
  return due
}

const requeueOrphans = prepared((tx: Tx) =>
  tx
    .update(runs)
    .set({ status: 'queued', availableAt: sql`${sql.placeholder('nowMs')}`, claimedBy: null })
    .where(eq(runs.status, 'running').inlineParams())
    .returning({ id: runs.id })
    .prepare(),
)

/**
 * Queues again what a process that died was working on, and settles the effects it was waiting for; returns how many
 * runs. Only one process may hold the data folder, so whatever runs at its start has lost its worker.
 */
export function recoverRuns(tx: Tx, nowMs: number): number {
  recoverEffects(tx, nowMs)
  return requeueOrphans(tx).all({ nowMs }).length
}

/** Thrown when a run was claimed by somebody else in the meantime: nothing more may be written. */
export class ClaimLost extends Error {}

const heldRun = prepared((db) => {
  const [id, fence] = [sql.placeholder('id'), sql.placeholder('fence')]
  const isHeld = and(eq(runs.id, id), eq(runs.status, 'running'), eq(runs.fence, fence))
  return db.select({ id: runs.id }).from(runs).where(isHeld).prepare()
})

/** What a worker holds a run by. It writes only as long as nobody has claimed the run after it. */
export class Claim {
  constructor(
    private readonly db: Db,
    private readonly clock: Clock,
    readonly run: RunRow,
  ) {}

  /** Throws `ClaimLost` when the run is somebody else's by now. */
  mustStand(db: Reader = this.db.read): void {
    const { id, fence } = this.run
    if (!heldRun(db).get({ id, fence })) throw new ClaimLost()
  }

  /** Writes in one transaction. Throws `ClaimLost`, and then nothing is written. */
  write(work: (tx: Tx) => void): void {
    this.db.write((tx) => {
      this.mustStand(tx)
      work(tx)
    })
  }

  change(tx: Tx, change: Partial<RunRow>): void {
    changeRun(tx, this.run, change)
  }

  /** Lets go of the run: it waits, or has ended. */
  release(tx: Tx, change: Partial<RunRow>): void {
    // Whoever asked for it to turn back meanwhile must not wait for what it waits for.
    const turns = change.status === 'waiting' && isCancelled(tx, this.run.id)
    const availableAt = turns ? this.clock.now() : change.availableAt
    this.change(tx, { ...change, availableAt, claimedBy: null })
  }
}
