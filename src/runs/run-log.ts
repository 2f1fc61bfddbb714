import { count, eq, sql } from 'drizzle-orm'
import type { Tx } from '../db/open'
import { inserting, prepared } from '../db/prepared'
import { runLogs } from '../db/schema'

const STEP_LOG_LINES_MAX = 500
const LOG_LINE_CHARS_MAX = 2_000

const countLines = prepared((db) =>
  db
    .select({
      all: count(),
      ofStep: sql<number>`coalesce(sum(${runLogs.step} = ${sql.placeholder('step')}), 0)`,
    })
    .from(runLogs)
    .where(eq(runLogs.runId, sql.placeholder('runId')))
    .prepare(),
)
const insertLine = inserting(runLogs)

/** Adds a line to a run's log, which keeps the first 500 lines of each step. */
export function addRunLog(tx: Tx, runId: string, step: string, line: string, nowMs: number): void {
  const lines = countLines(tx).get({ runId, step })
  if (!lines || lines.ofStep >= STEP_LOG_LINES_MAX) return
  insertLine(tx, { runId, position: lines.all, at: nowMs, step, line: line.slice(0, LOG_LINE_CHARS_MAX) })
}
