import { type SQL, sql } from 'drizzle-orm'
import type { Reader, Tx } from '../db/open'
import { prepared } from '../db/prepared'
import { SHELVES, type Shelf } from './shelves'

/** A place on a shelf, along which it is gone through. */
export type Place = { at: number; key: string }

/** A row whose time is over; `stays`: something still needs it. */
export type Old = Place & { stays: number; runId: string | null }

const places = prepared((db) => {
  const asked = SHELVES.map(({ table, index, at, where, keptMs }, place) => {
    const isOver = sql`${at} <= ${sql.placeholder('nowMs')} - ${sql.raw(String(keptMs))}`
    return sql`SELECT ${sql.raw(String(place))} AS place
      WHERE EXISTS (SELECT 1 FROM ${table} INDEXED BY ${index} WHERE ${where} AND ${isOver})`
  })
  return db
    .select({ place: sql<number>`place` })
    .from(sql`(${sql.join(asked, sql` UNION ALL `)})`)
    .prepare()
})

/** The shelves that have rows whose time is over, found in one query. */
export function shelvesWithOld(db: Reader, nowMs: number): Shelf[] {
  return places(db)
    .all({ nowMs })
    .flatMap(({ place }) => SHELVES[place] ?? [])
}

/** The next rows whose time was over at `beforeMs`, behind a place. */
export function oldRows(db: Reader, shelf: Shelf, beforeMs: number, from: Place, limit: number): Old[] {
  return db.all<Old>(oldest(shelf, beforeMs, from, limit))
}

/** The question that `oldRows` asks. */
export function oldest(
  { table, index, key, at, where, unless, run }: Shelf,
  beforeMs: number,
  from: Place,
  limit: number,
): SQL {
  return sql`SELECT it.${key} AS key, it.${at} AS at, (${unless ?? sql`0`}) AS stays, ${run ?? sql`NULL`} AS runId
    FROM ${table} AS it INDEXED BY ${index}
    WHERE ${where} AND ${at} BETWEEN ${from.at} AND ${beforeMs} AND (it.${at}, it.${key}) > (${from.at}, ${from.key})
    ORDER BY it.${at}, it.${key} LIMIT ${limit}`
}

/** Deletes rows of a shelf, and their runs with all that is known of them. */
export function forget(tx: Tx, { table, key, within }: Shelf, rows: readonly Old[]): void {
  if (rows.length === 0) return
  const keys = list(rows.map((row) => row.key))
  const runIds = rows.flatMap(({ runId }) => runId ?? [])
  if (runIds.length > 0) forgetDetails(tx, runIds)
  tx.run(sql`DELETE FROM ${table} WHERE ${within ?? sql``}${key} IN ${keys}`)
  if (runIds.length > 0) tx.run(sql`DELETE FROM runs WHERE id IN ${list(runIds)}`)
}

function forgetDetails(tx: Tx, runIds: readonly string[]): void {
  for (const details of [sql`run_logs`, sql`steps`, sql`effects`])
    tx.run(sql`DELETE FROM ${details} WHERE run_id IN ${list(runIds)}`)
  tx.run(sql`UPDATE rollout_targets SET run_id = NULL WHERE run_id IN ${list(runIds)}`)
}

/** As JSON: a list of any length is one text to SQLite. */
const list = (values: readonly string[]) => sql`(SELECT value FROM json_each(${JSON.stringify(values)}))`
