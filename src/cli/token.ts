import { COMMAND_TOKEN, createApiToken, listApiTokens, revokeApiToken } from '../accounts/api-token'
import type { Environment } from '../config'
import type { Db } from '../db/open'
import { type WorkBeside, workBeside } from './beside'
import type { Output } from './output'

const OPERATOR = { id: 'cli' }
const USAGE = 'Usage: atlas token create NAME | list | revoke ID'

/**
 * `atlas token create NAME | list | revoke ID`, beside a running Atlas or without one. 1 when the database or the
 * token is not there, 2 when called wrongly.
 */
export async function token(args: string[], io: Output, env: Environment): Promise<number> {
  const work = workOf(args)
  if (!work) {
    io.err(USAGE)
    return 2
  }
  return workBeside(io, env, work)
}

function workOf([verb, value, ...rest]: string[]): WorkBeside | null {
  if (rest.length > 0) return null
  if (verb === 'create' && value) return (...at) => create(value, ...at)
  if (verb === 'revoke' && value) return (...at) => revoke(value, ...at)
  return verb === 'list' && !value ? list : null
}

function create(name: string, db: Db, nowMs: number, io: Output): void {
  const made = db.write((tx) => createApiToken(tx, name, OPERATOR, nowMs))
  io.out(made.token)
  io.err(`${made.id} was made. This is the only time its token is shown.`)
}

function revoke(id: string, db: Db, nowMs: number, io: Output): void {
  db.write((tx) => revokeApiToken(tx, id, OPERATOR, nowMs))
  io.out(`${id} is revoked.`)
}

function list(db: Db, _nowMs: number, io: Output): void {
  const tokens = listApiTokens(db.read).filter(({ name }) => name !== COMMAND_TOKEN)
  if (tokens.length === 0) io.out('There are no API tokens yet. Make one with `atlas token create NAME`.')
  for (const row of tokens) {
    const used = row.lastUsedAt ? `used ${new Date(row.lastUsedAt).toISOString()}` : 'never used'
    io.out(`${row.id}  ${row.revokedAt ? 'revoked' : 'live   '}  ${row.name}  ${used}`)
  }
}
