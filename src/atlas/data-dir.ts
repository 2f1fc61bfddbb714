import { accessSync, constants, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../clock'
import type { Config } from '../config'
import { lockDataDir } from '../db/lock'
import { type Db, openCurrentDb, openDb } from '../db/open'
import { invalid, notFound } from '../errors'

const DATABASE = 'atlas.db'

/**
 * Opens the data folder for commands that work beside a running Atlas, and leaves it as it is. Throws `not_found`
 * when there is no database, `conflict` when it is another version's.
 */
export function openDataBeside(dataDir: string): Db {
  const file = join(dataDir, DATABASE)
  try {
    accessSync(file, constants.R_OK | constants.W_OK)
  } catch {
    throw notFound(
      'DATA_DIR (./data unless it is set) holds no database that this user may write to. Give the folder of an Atlas that was started before; a demo’s is ./data/demo.',
    )
  }
  return openCurrentDb(file)
}

/**
 * Opens the data folder for the one Atlas that runs on it, and keeps others out until `unlock`. Throws `invalid` when it
 * can’t be written to, `conflict` when another Atlas has it.
 */
export function openData(config: Config, clock: Clock): { db: Db; unlock: () => void } {
  try {
    mkdirSync(config.DATA_DIR, { recursive: true, mode: 0o700 })
    accessSync(config.DATA_DIR, constants.W_OK)
  } catch (cause) {
    throw invalid('DATA_DIR can’t be written to. Give Atlas a folder of its own.', undefined, cause)
  }
  const unlock = lockDataDir(join(config.DATA_DIR, 'atlas.lock'))
  return { db: openDb(join(config.DATA_DIR, DATABASE), clock.now()), unlock }
}
