import { isIP } from 'node:net'
import { lt, sql } from 'drizzle-orm'
import type { Db, Tx } from '../db/open'
import { prepared } from '../db/prepared'
import { rateLimits } from '../db/schema'
import { tooOften } from '../errors'

/** At most `max` tries in a window of `windowMs`, counted under `key`. */
export type Limit = { key: string; max: number; windowMs: number }

/**
 * Counts one try against a limit, in a transaction of its own so that nothing refunds it. The count survives a
 * restart. Throws `unavailable` (HTTP 429) when it is used up.
 */
export function countTry(db: Db, limit: Limit, nowMs: number): void {
  const { count, resetsAt } = countOne(db, limit, nowMs)
  if (count > limit.max) throw tooOften(Math.max(1_000, resetsAt - nowMs))
}

/** Counts one try, and whether it is still within the limit. */
export function isWithin(db: Db, limit: Limit, nowMs: number): boolean {
  return countOne(db, limit, nowMs).count <= limit.max
}

/** Who a limit counts: an IPv4 address, or the /64 that one person has of IPv6. */
export function networkOf(ip: string | null): string {
  if (ip === null || isIP(ip) !== 6) return ip ?? 'unknown'
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(ip)?.[1]
  if (mapped) return mapped
  const [head = '', tail = ''] = ip.split('::')
  const left = head.split(':').filter(Boolean)
  const right = tail.split(':').filter(Boolean)
  const groups = [...left, ...Array<string>(Math.max(0, 8 - left.length - right.length)).fill('0'), ...right]
  const prefix = groups.slice(0, 4).map((group) => Number.parseInt(group, 16).toString(16))
  return `${prefix.join(':')}::/64`
}

const deleteOver = prepared((tx: Tx) =>
  tx
    .delete(rateLimits)
    .where(lt(rateLimits.resetsAt, sql.placeholder('nowMs')))
    .prepare(),
)

/** Forgets the windows that are over. */
export function sweepRateLimits(db: Db, nowMs: number): void {
  db.write((tx) => deleteOver(tx).run({ nowMs }))
}

function countOne(db: Db, { key, windowMs }: Limit, nowMs: number) {
  const over = sql`${rateLimits.resetsAt} <= ${nowMs}`
  return db.write((tx) =>
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
}
