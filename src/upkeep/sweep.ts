import { sleep } from '../clock'
import type { Services } from '../services'
import { forget, oldRows, type Place, shelvesWithOld } from './forget'
import type { Shelf } from './shelves'

/** Rows that are gone through in one transaction, which takes a few milliseconds: a run has some ten rows of its own. */
const AT_ONCE = 50
const RUNS_AT_ONCE = 10
const PAUSE_MS = 10
const START: Place = { at: 0, key: '' }

/**
 * Forgets what is past its time, a few rows at a time with a pause after each, so that nobody waits. Whatever stops it
 * stops it between two transactions, and the next one goes on.
 *
 * The file stays as large as it is: the next days' rows take the pages that were freed. To give them back, all of it would
 * have to be written anew by VACUUM, and with `auto_vacuum` pages be moved at every commit, away from what belongs to them
 * (https://sqlite.org/pragma.html#pragma_auto_vacuum). Either goes through the WAL (https://sqlite.org/wal.html), all of which
 * Litestream sends away (https://litestream.io/how-it-works/). Nor is there a `PRAGMA optimize`: with 2.9 GB it kept
 * everybody waiting for 1 to 9 seconds, and no query that was compared before and after chose another index.
 */
export async function sweep(services: Pick<Services, 'db' | 'clock' | 'log'>): Promise<void> {
  const { db, clock, log } = services
  const nowMs = clock.now()
  const forgotten: Record<string, number> = {}
  for (const shelf of shelvesWithOld(db.read, nowMs)) {
    forgotten[shelf.name] = await clear(services, shelf, nowMs - shelf.keptMs)
  }
  if (Object.values(forgotten).every((rows) => rows === 0)) return
  log.info('what was past its time is forgotten', forgotten)
}

/** Goes along a shelf; resolves to how many rows went. */
async function clear(
  { db, clock }: Pick<Services, 'db' | 'clock'>,
  shelf: Shelf,
  beforeMs: number,
): Promise<number> {
  const atOnce = shelf.run ? RUNS_AT_ONCE : AT_ONCE
  let went = 0
  for (let place = START; ; ) {
    const seen = db.writeQuietly((tx) => {
      const rows = oldRows(tx, shelf, beforeMs, place, atOnce)
      const over = rows.filter(({ stays }) => stays === 0)
      forget(tx, shelf, over)
      went += over.length
      return rows
    })
    const last = seen.at(-1)
    if (!last || seen.length < atOnce) return went
    place = last
    await sleep(clock, PAUSE_MS)
  }
}
