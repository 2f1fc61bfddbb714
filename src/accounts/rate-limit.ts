import { lt, sql } from 'drizzle-orm'
import type { Db } from '../db/open'
import { rateLimits } from '../db/schema'
import { tooOften } from '../errors'

/** At most `max` tries in a window of `windowMs`, counted under `key`. */
export type Limit = { key: string; max: number; windowMs: number }

/**
 * Counts one try against a limit, in a transaction of its own so that nothing refunds it. The count survives a
 * restart. Throws `unavailable` (HTTP 429) when it is used up.
 */
export function countTry(db: Db, { key, max, windowMs }: Limit, nowMs: number): void {
  const over = sql`${rateLimits.resetsAt} <= ${nowMs}`
  const row = db.write((tx) =>
    tx
      .insert(rateLimits)
      .values({ key, count: 1, resetsAt: nowMs + windowMs })
      .onConflictDoUpdate({
        target: rateLimits.key,
        set: {
          count: sql`CASE WHEN ${over} THEN 1 ELSE ${rateLimits.count} + 1 END`,
          resetsAt: sql`CASE WHEN ${over} THEN ${nowMs + windowMs} ELSE ${rateLimits.resetsAt} END`,
        },
      })
      .returning()
      .get(),
  )
  if (row.count > max) throw tooOften(Math.max(1_000, row.resetsAt - nowMs))
}

/** Forgets the windows that are over. */
export function sweepRateLimits(db: Db, nowMs: number): void {
  db.write((tx) => tx.delete(rateLimits).where(lt(rateLimits.resetsAt, nowMs)).run())
}
