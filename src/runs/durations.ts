import { and, desc, eq } from 'drizzle-orm'
import type { Reader } from '../db/open'
import { runs } from '../db/schema'
import type { RunRow } from './run'
import { stepsOf } from './steps'

const LATEST = 20

/**
 * The median of what the latest runs of a kind took that went well, in milliseconds, as `took` reads it off each of
 * them (null: it does not count). Undefined while there are none.
 */
export function usualMs(db: Reader, kind: string, took: (run: RunRow) => number | null): number | undefined {
  const wentWell = and(eq(runs.kind, kind), eq(runs.status, 'succeeded'))
  const latest = db.select().from(runs).where(wentWell).orderBy(desc(runs.createdAt)).limit(LATEST).all()
  const measured = latest.flatMap((run) => took(run) ?? []).sort((a, b) => a - b)
  return measured[measured.length >> 1]
}

/** How long it was in a run from the beginning of one step to the end of another; null when either is missing. */
export function spanMs(db: Reader, runId: string, from: string, to: string): number | null {
  const steps = stepsOf(db, runId)
  const began = steps.find(({ name }) => name === from)?.startedAt
  const ended = steps.find(({ name }) => name === to)?.finishedAt
  return began && ended ? ended - began : null
}
