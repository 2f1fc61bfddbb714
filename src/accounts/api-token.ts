import { and, desc, eq, isNull } from 'drizzle-orm'
import { type Actor, audit } from '../audit'
import type { Db, Reader, Tx } from '../db/open'
import { apiTokens } from '../db/schema'
import { notFound } from '../errors'
import { newId } from '../ids'
import { hashToken, newToken } from '../secrets'

export type ApiTokenRow = typeof apiTokens.$inferSelect

/** The name of tokens that serve one command beside Atlas; their rows stay, as the audit log names them. */
export const COMMAND_TOKEN = '(atlas command)'

const PREFIX = 'atlas_'
const USED_EVERY_MS = 60_000

/** Makes an operator's API token; the token itself is returned once and only its hash is stored. */
export function createApiToken(
  tx: Tx,
  name: string,
  actor: Actor,
  nowMs: number,
): { id: string; token: string } {
  const token = `${PREFIX}${newToken()}`
  const id = newId('tok', nowMs)
  tx.insert(apiTokens)
    .values({ id, name, tokenHash: hashToken(token), createdAt: nowMs })
    .run()
  audit(tx, nowMs, { actor, action: 'api_token.created', subject: id, detail: { name } })
  return { id, token }
}

/** The live token that a program shows; notes that it was used, at most once a minute. */
export function findApiToken(db: Db, token: string, nowMs: number): ApiTokenRow | null {
  if (!token.startsWith(PREFIX)) return null
  const row = db.read
    .select()
    .from(apiTokens)
    .where(and(eq(apiTokens.tokenHash, hashToken(token)), isNull(apiTokens.revokedAt)))
    .get()
  if (!row) return null
  if (nowMs - (row.lastUsedAt ?? 0) > USED_EVERY_MS) {
    db.write((tx) => tx.update(apiTokens).set({ lastUsedAt: nowMs }).where(eq(apiTokens.id, row.id)).run())
  }
  return row
}

/** Every token, newest first. */
export function listApiTokens(db: Reader): ApiTokenRow[] {
  return db.select().from(apiTokens).orderBy(desc(apiTokens.createdAt)).all()
}

/** Makes a token useless from now on. Throws `not_found`. */
export function revokeApiToken(tx: Tx, id: string, actor: Actor, nowMs: number): void {
  const live = and(eq(apiTokens.id, id), isNull(apiTokens.revokedAt))
  const [revoked] = tx.update(apiTokens).set({ revokedAt: nowMs }).where(live).returning().all()
  if (!revoked) throw notFound('There is no such live token.')
  audit(tx, nowMs, { actor, action: 'api_token.revoked', subject: id })
}
