import { openDataBeside } from '../atlas/data-dir'
import { SystemClock } from '../clock'
import { dataDirIn, type Environment } from '../config'
import type { Db } from '../db/open'
import { AtlasError } from '../errors'
import type { Output } from './output'

/** What a command does with the database, at a time in UTC milliseconds. */
export type WorkBeside = (db: Db, nowMs: number, io: Output) => void

/** Works on the database, beside a running Atlas or without one; 1 when there is none or the work is refused. */
export function workBeside(io: Output, env: Environment, work: WorkBeside): number {
  try {
    const db = openDataBeside(dataDirIn(env))
    try {
      work(db, new SystemClock().now(), io)
    } finally {
      db.close()
    }
    return 0
  } catch (thrown) {
    if (!(thrown instanceof AtlasError)) throw thrown
    io.err(thrown.message)
    return 1
  }
}
