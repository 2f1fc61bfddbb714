import { COMMAND_TOKEN, createApiToken, listApiTokens, revokeApiToken } from '../accounts/api-token'
import { openDataBeside } from '../atlas/data-dir'
import { SystemClock } from '../clock'
import { atlasUrlIn, dataDirIn, type Environment, portIn } from '../config'
import type { Db, Reader } from '../db/open'
import { AtlasError, conflict, type ErrorCode, invalid, unavailable } from '../errors'
import type { Output } from './output'

/** A running Atlas as a program asks it. */
export type Remote = {
  /** Asks its API; resolves to the answer's body. Throws what it refused with, `unavailable` when nothing answers. */
  ask<T>(method: 'GET' | 'POST' | 'DELETE', path: string, body?: object): Promise<T>
  close(): void
}

const OPERATOR = { id: 'cli' }
// A deletion may be waited for through its cool-off, which lasts days; what is older was left by one that was killed.
const STALE_MS = 30 * 86_400_000
const PATIENCE_MS = 30_000

/**
 * The Atlas that ATLAS_URL and ATLAS_TOKEN name; otherwise the one beside this command, which is asked on loopback
 * with a token that lives as long as the command. Throws `invalid`, `not_found` or `conflict` when there is none.
 */
export function connect(env: Environment, stop?: AbortSignal): Remote {
  const url = env.ATLAS_URL?.trim()
  const token = env.ATLAS_TOKEN?.trim()
  if (url && token) return { ask: asking(atlasUrlIn(url), token, stop), close: () => {} }
  if (url || token)
    throw invalid('Give both ATLAS_URL and ATLAS_TOKEN, or neither for the Atlas on this machine.')
  return connectBeside(env, stop)
}

/**
 * Does a command's work against an Atlas, and resolves to its exit code: what the work returns, or 1 with the reason
 * when something is refused or can't be reached.
 */
export async function withRemote(
  env: Environment,
  io: Output,
  stop: AbortSignal,
  work: (remote: Remote) => Promise<number>,
): Promise<number> {
  let remote: Remote | undefined
  try {
    remote = connect(env, stop)
    return await work(remote)
  } catch (thrown) {
    if (stop.aborted) {
      io.err('Stopped. What was begun goes on without this command.')
      return 1
    }
    if (!(thrown instanceof AtlasError)) throw thrown
    io.err(inWords(thrown))
    return 1
  } finally {
    remote?.close()
  }
}

function connectBeside(env: Environment, stop?: AbortSignal): Remote {
  const origin = `http://127.0.0.1:${portIn(env)}`
  const db = openDataBeside(dataDirIn(env))
  const now = () => new SystemClock().now()
  const { id, token } = db.write((tx) => createApiToken(tx, COMMAND_TOKEN, OPERATOR, now()))
  forgetStale(db, now())
  return {
    ask: asking(origin, token, stop),
    close() {
      try {
        db.write((tx) => isLive(tx, id) && revokeApiToken(tx, id, OPERATOR, now()))
      } finally {
        db.close()
      }
    },
  }
}

/** Another command or a person may have revoked it meanwhile. */
function isLive(db: Reader, tokenId: string): boolean {
  return listApiTokens(db).some(({ id, revokedAt }) => id === tokenId && revokedAt === null)
}

function forgetStale(db: Db, nowMs: number): void {
  const stale = listApiTokens(db.read).filter(
    ({ name, revokedAt, createdAt }) =>
      name === COMMAND_TOKEN && revokedAt === null && createdAt < nowMs - STALE_MS,
  )
  for (const { id } of stale) db.write((tx) => revokeApiToken(tx, id, OPERATOR, nowMs))
}

function asking(origin: string, token: string, stop?: AbortSignal): Remote['ask'] {
  return async <T>(method: string, path: string, body?: object) => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
    const late = AbortSignal.timeout(PATIENCE_MS)
    const signal = stop ? AbortSignal.any([stop, late]) : late
    const sent = { method, headers, signal, redirect: 'manual' as const }
    const answer = await fetch(`${origin}${path}`, {
      ...sent,
      ...(body ? { body: JSON.stringify(body) } : {}),
    }).catch((cause) => {
      throw unavailable(`No Atlas answers at ${origin}. Is it running?`, { cause })
    })
    const value: unknown = await answer.json().catch(() => null)
    if (answer.ok && value !== null) return value as T
    throw refusalOf(answer.status, value)
  }
}

function refusalOf(status: number, value: unknown): AtlasError {
  const error = (
    value as { error?: { code: ErrorCode; message: string; fields?: Record<string, string> } } | null
  )?.error
  if (!error && status >= 502 && status <= 504)
    return unavailable(`Atlas does not answer: whatever stands before it says ${status}.`)
  if (!error) return conflict(`That address answered with status ${status}, and not as an Atlas does.`)
  return new AtlasError(error.code, error.message, { fields: error.fields })
}

/** What was refused, with a line for each field that was wrong. */
export function inWords({ message, fields }: AtlasError): string {
  return [message, ...Object.entries(fields ?? {}).map(([name, words]) => `  ${name}: ${words}`)].join('\n')
}
