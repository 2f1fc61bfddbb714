import { and, asc, eq, gte, min } from 'drizzle-orm'
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
  const given = and(eq(effects.runId, run.id), eq(effects.key, commandId))
  const first = db.read
    .select({ at: min(effects.requestedAt) })
    .from(effects)
    .where(given)
    .get()
  if (typeof first?.at !== 'number') return []
  const since = and(eq(runLogs.runId, run.id), eq(runLogs.step, step), gte(runLogs.at, first.at))
  const rows = db.read
    .select({ line: runLogs.line })
    .from(runLogs)
    .where(since)
    .orderBy(asc(runLogs.position))
  return rows.all().map(({ line }) => line)
}
