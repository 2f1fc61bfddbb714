import { and, desc, eq, ne, or, sql } from 'drizzle-orm'
import type { Reader } from '../db/open'
import { prepared } from '../db/prepared'
import { runs } from '../db/schema'
import { notFound } from '../errors'
import type { Recipe, RunFacts } from './recipe'
import { isPastReturn, stepsOf } from './steps'

export type RunRow = typeof runs.$inferSelect

const runById = prepared((db) =>
  db
    .select()
    .from(runs)
    .where(eq(runs.id, sql.placeholder('runId')))
    .prepare(),
)

/** A run by its id. Throws `not_found`. */
export function getRun(db: Reader, runId: string): RunRow {
  const run = runById(db).get({ runId })
  if (!run) throw notFound('There is no such run.')
  return run
}

const cancellation = prepared((db) =>
  db
    .select({ at: runs.cancelRequestedAt })
    .from(runs)
    .where(eq(runs.id, sql.placeholder('runId')))
    .prepare(),
)

/** Whether somebody has asked a run to turn back, and it has not yet. */
export function isCancelled(db: Reader, runId: string): boolean {
  return cancellation(db).get({ runId })?.at != null
}

/** Whether a run is at work, or will be. */
export function isLive({ status }: Pick<RunRow, 'status'>): boolean {
  return status === 'queued' || status === 'running' || status === 'waiting'
}

/**
 * The latest run of a tenant, of one kind when it is given. A deletion that was taken back does not count: it left
 * everything as it was, also a run before it that stopped half-way and must still be mended.
 */
export function latestRun(db: Reader, tenantId: string, kind?: string): RunRow | undefined {
  return latestThatCounts(db).get({ tenantId, kind: kind ?? null })
}

const latestThatCounts = prepared((db) => {
  const kind = sql.placeholder('kind')
  const isMeant = sql`(${kind} IS NULL OR ${runs.kind} = ${kind})`
  const counts = or(ne(runs.kind, 'delete'), ne(runs.status, 'cancelled'))
  return db
    .select()
    .from(runs)
    .where(and(eq(runs.tenantId, sql.placeholder('tenantId')), counts, isMeant))
    .orderBy(desc(runs.createdAt))
    .limit(1)
    .prepare()
})

/** Why a run can't be taken back any more, as a sentence; null while it can. */
export function pastReturn(db: Reader, recipe: Recipe, run: RunRow): string | null {
  const { steps, pointOfNoReturn, noReturn } = recipe
  if (!isPastReturn(stepsOf(db, run.id), recipe)) return null
  const title = steps.find(({ name }) => name === pointOfNoReturn)?.title
  const begun = `“${title}” has begun, and that can’t be taken back. The run can only go on.`
  return noReturn ? noReturn(db, factsOf(run)) : begun
}

export function factsOf(run: RunRow): RunFacts {
  const input = JSON.parse(run.input) as RunFacts['input']
  return { id: run.id, kind: run.kind, tenantId: run.tenantId, direction: run.direction, input }
}
