import type { Db } from '../db/open'

const busy = new WeakMap<Db, Map<string, Promise<void>>>()

/**
 * Does one piece of work on a key after the other. What was asked of Stripe later must be written down later, or an
 * older answer would overwrite a newer one; only one process works on a database, so this is the place to wait.
 */
export async function inTurn<T>(db: Db, key: string, work: () => Promise<T>): Promise<T> {
  const queues = busy.get(db) ?? new Map<string, Promise<void>>()
  busy.set(db, queues)
  const before = queues.get(key) ?? Promise.resolve()
  const mine = before.then(work)
  const settled = mine.then(
    () => undefined,
    () => undefined,
  )
  queues.set(key, settled)
  try {
    return await mine
  } finally {
    if (queues.get(key) === settled) queues.delete(key)
  }
}
