import { Database } from 'bun:sqlite'
import { conflict } from '../errors'

/**
 * Makes this process the only Atlas on a data folder, until it ends in whatever way: the lock is the kernel's,
 * held through an open transaction on a file of its own. Returns what lets it go.
 * Throws `conflict` when another process holds it.
 */
export function lockDataDir(file: string): () => void {
  const lock = new Database(file, { create: true })
  lock.exec('PRAGMA busy_timeout=0; PRAGMA locking_mode=EXCLUSIVE')
  try {
    lock.exec('BEGIN EXCLUSIVE')
  } catch (cause) {
    lock.close()
    throw conflict('Another Atlas is running on this data folder. Stop it first, or use another DATA_DIR.', {
      cause,
    })
  }
  return () => lock.close()
}
