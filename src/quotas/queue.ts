import { and, asc, count, eq, inArray, ne, type SQL, sql } from 'drizzle-orm'
import type { Reader, Tx } from '../db/open'
import { prepared } from '../db/prepared'
import { runs, steps } from '../db/schema'

/** The step at which runs wait for room. */
const QUEUE_STEP = 'create-server'

/** What a run in the queue says of itself. */
export const IN_QUEUE =
  'In the queue: the limit of servers is reached. The server is made as soon as one becomes free.'

const countQueue = prepared((db) => db.select({ count: count() }).from(runs).where(inQueue()).prepare())

/** How many runs wait for room now. */
export function queueLength(db: Reader): number {
  return countQueue(db).get()?.count ?? 0
}

/** How many are ahead of a run that waits for room; null when it does not. */
export function aheadInQueue(db: Reader, runId: string): number | null {
  const waiting = db
    .select({ id: runs.id })
    .from(runs)
    .where(inQueue())
    .orderBy(asc(runs.createdAt), asc(runs.id))
    .all()
  const place = waiting.findIndex(({ id }) => id === runId)
  return place < 0 ? null : place
}

/** How many older runs are still to make their server, however far they are: whoever came first is served first. */
export function countBefore(db: Reader, runId: string): number {
  return countOlder(db).get({ runId })?.count ?? 0
}

const countOlder = prepared((db) => {
  const isOlder = sql`(${runs.createdAt}, ${runs.id}) < (SELECT created_at, id FROM runs WHERE id = ${sql.placeholder('runId')})`
  const atStep = and(eq(steps.runId, runs.id), eq(steps.name, QUEUE_STEP))
  return db
    .select({ count: count() })
    .from(runs)
    .innerJoin(steps, atStep)
    .where(and(isLive(), ne(steps.status, 'succeeded'), isOlder))
    .prepare()
})

const wakeAll = prepared((tx: Tx) =>
  tx
    .update(runs)
    .set({ availableAt: sql.placeholder('nowMs') as unknown as SQL })
    .where(and(eq(runs.status, 'waiting'), inQueue()))
    .prepare(),
)

/** Lets those who wait for room look at once. */
export function wakeQueue(tx: Tx, nowMs: number): void {
  wakeAll(tx).run({ nowMs })
}

/** The step still awaits room while its run looks whether there is some now. */
function inQueue() {
  const waits = sql`EXISTS (SELECT 1 FROM ${steps} WHERE ${steps.runId} = ${runs.id}
    AND ${steps.name} = ${QUEUE_STEP} AND ${steps.awaits} = 'room' AND ${steps.status} IN ('running', 'waiting'))`
  return and(isLive(), eq(runs.step, QUEUE_STEP).inlineParams(), waits)
}

/** In literals: SQLite compiles a query again for each value that could fit a partial index. */
function isLive() {
  const live = inArray(runs.status, ['queued', 'running', 'waiting'])
  return and(live, eq(runs.direction, 'forward'))?.inlineParams()
}
