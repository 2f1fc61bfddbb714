import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { lockDataDir } from '../db/lock'
import { AtlasError, conflict } from '../errors'

const DATABASES = ['atlas.db', 'clouds.db']
/** Only what a demo made: the folder may be anybody's. */
const FILES = ['demo-keys.json', ...DATABASES.flatMap((name) => [name, `${name}-wal`, `${name}-shm`])]

/**
 * Takes a demo's folder for this process, and with `fresh` forgets what earlier demos left in it. Returns what lets
 * it go. Throws `conflict` when another demo holds it.
 */
export function holdFolder(dir: string, fresh: boolean): () => void {
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  const release = lock(dir)
  if (fresh) for (const file of FILES) rmSync(join(dir, file), { force: true })
  return release
}

function lock(dir: string): () => void {
  try {
    return lockDataDir(join(dir, 'demo.lock'))
  } catch (thrown) {
    if (!(thrown instanceof AtlasError)) throw thrown
    throw conflict('Another demo is running in this folder. Stop it first, or choose another with --data.')
  }
}
