import { and, desc, eq, sql } from 'drizzle-orm'
import type { Reader } from '../db/open'
import { runs } from '../db/schema'

const RUNS_REMEMBERED = 20

/** How long runs of a kind usually take: the median of the latest that went well, in ms; null while there is none. */
export function usualRunMs(db: Reader, kind: string): number | null {
  const took = db
    .select({ ms: sql<number>`${runs.finishedAt} - ${runs.startedAt}` })
    .from(runs)
    .where(and(eq(runs.kind, kind), eq(runs.status, 'succeeded')))
    .orderBy(desc(runs.createdAt))
    .limit(RUNS_REMEMBERED)
    .all()
    .map(({ ms }) => ms)
    .sort((a, b) => a - b)
  return took[took.length >> 1] ?? null
}
