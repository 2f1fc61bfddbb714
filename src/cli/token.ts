import { createApiToken, listApiTokens, revokeApiToken } from '../accounts/api-token'
import { openDataBeside } from '../atlas'
import { SystemClock } from '../clock'
import type { Db } from '../db/open'
import { AtlasError } from '../errors'
import type { Output } from './output'

const OPERATOR = { id: 'cli' }

/** `atlas token create NAME | list | revoke ID`, beside a running Atlas or without one. */
export async function token(args: string[], io: Output): Promise<number> {
  const [verb, value] = args
  const clock = new SystemClock()
  const withDb = (work: (db: Db) => void): number => {
    const db = openDataBeside(process.env.DATA_DIR ?? './data', clock)
    try {
      work(db)
      return 0
    } catch (thrown) {
      if (!(thrown instanceof AtlasError)) throw thrown
      io.err(thrown.message)
      return 1
    } finally {
      db.close()
    }
  }
  if (verb === 'create' && value) {
    return withDb((db) => {
      const made = db.write((tx) => createApiToken(tx, value, OPERATOR, clock.now()))
      io.out(made.token)
      io.err(`${made.id} was made. This is the only time its token is shown.`)
    })
  }
  if (verb === 'list') return withDb((db) => list(db, io))
  if (verb === 'revoke' && value) {
    return withDb((db) => {
      db.write((tx) => revokeApiToken(tx, value, OPERATOR, clock.now()))
      io.out(`${value} is revoked.`)
    })
  }
  io.err('Usage: atlas token create NAME | list | revoke ID')
  return 2
}

function list(db: Db, io: Output): void {
  const tokens = listApiTokens(db.read)
  if (tokens.length === 0) io.out('There are no API tokens yet. Make one with `atlas token create NAME`.')
  for (const row of tokens) {
    const used = row.lastUsedAt ? `used ${new Date(row.lastUsedAt).toISOString()}` : 'never used'
    io.out(`${row.id}  ${row.revokedAt ? 'revoked' : 'live   '}  ${row.name}  ${used}`)
  }
}
