import { and, asc, eq, gte, min, sql } from 'drizzle-orm'
import { prepared } from '../db/prepared'
import { effects, runLogs } from '../db/schema'
import type { Log } from '../log'
import type { StepContext } from '../runs/recipe'

type Listener = (line: string) => void

/**
 * What a command says, without what it has said before: whoever joins it again hears all of it from the start. One that
 * a power cut has ended begins anew, and is heard from the first line on which it is different.
 */
export function newLines(context: StepContext, log: Log, commandId: string, onLog: Listener): Listener {
  const heard = linesHeard(context, commandId)
  return (line) => {
    if (heard.length > 0 && heard[0] === log.redact(line)) return void heard.shift()
    heard.length = 0
    onLog(line)
  }
}

/** What the run's log has of this step since the command was first given, oldest first. */
function linesHeard({ db, run, step }: StepContext, commandId: string): string[] {
  const first = firstGiven(db.read).get({ runId: run.id, commandId })
  if (typeof first?.at !== 'number') return []
  return linesSince(db.read)
    .all({ runId: run.id, step, sinceMs: first.at })
    .map(({ line }) => line)
}

const firstGiven = prepared((db) =>
  db
    .select({ at: min(effects.requestedAt) })
    .from(effects)
    .where(and(eq(effects.runId, sql.placeholder('runId')), eq(effects.key, sql.placeholder('commandId'))))
    .prepare(),
)
const linesSince = prepared((db) => {
  const { runId, step, at, position, line } = runLogs
  const ofStep = and(eq(runId, sql.placeholder('runId')), eq(step, sql.placeholder('step')))
  return db
    .select({ line })
    .from(runLogs)
    .where(and(ofStep, gte(at, sql.placeholder('sinceMs'))))
    .orderBy(asc(position))
    .prepare()
})
