import type { Clock } from '../clock'
import type { Db } from '../db/open'
import { claimRuns, nextRunDueAt } from './claim'
import type { Engine } from './engine'
import type { RunRow } from './run'
import type { Lane } from './worker'

const RUNS_AT_ONCE_MAX = 50

/** The lane of durable runs. */
export function runLane(db: Db, clock: Clock, engine: Engine, holder: string): Lane<RunRow> {
  return {
    name: 'runs',
    concurrency: RUNS_AT_ONCE_MAX,
    nextDueAt: () => nextRunDueAt(db.read),
    take: (limit) => db.write((tx) => claimRuns(tx, holder, limit, clock.now())),
    keyOf: (run) => run.id,
    work: (run) => engine.carry(run),
  }
}
