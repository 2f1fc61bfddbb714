import { and, eq, gt, lt, sql } from 'drizzle-orm'
import type { Db, Reader, Tx } from '../db/open'
import { prepared } from '../db/prepared'
import { loginLinks, sessions, users } from '../db/schema'
import { hashToken, newToken } from '../secrets'

/** A session lasts this long, and ends sooner when it is not used. */
export const SESSION_LASTS_MS = 14 * 86_400_000
export const SESSION_IDLE_MS = 3 * 86_400_000
const SEEN_EVERY_MS = 60_000

export type Visitor = { ip: string | null; userAgent: string | null }

export type Session = { userId: string; email: string; isOperator: boolean; seenAt: number }

/** Opens a session and returns its token, of which only the hash is stored. */
export function openSession(tx: Tx, userId: string, visitor: Visitor, nowMs: number): string {
  const token = newToken()
  tx.insert(sessions)
    .values({
      tokenHash: hashToken(token),
      userId,
      ip: visitor.ip,
      userAgent: visitor.userAgent?.slice(0, 256) ?? null,
      createdAt: nowMs,
      seenAt: nowMs,
      expiresAt: nowMs + SESSION_LASTS_MS,
    })
    .run()
  return token
}

/**
 * The live session of a token. Only `adminEmail` is the operator, so a change of the configuration ends the
 * former operator's power at once.
 */
export function findSession(
  db: Reader,
  token: string | undefined,
  adminEmail: string,
  nowMs: number,
): Session | null {
  if (!token) return null
  const row = db
    .select({ seenAt: sessions.seenAt, userId: users.id, email: users.email, isOperator: users.isOperator })
    .from(sessions)
    .innerJoin(users, eq(users.id, sessions.userId))
    .where(
      and(
        eq(sessions.tokenHash, hashToken(token)),
        gt(sessions.expiresAt, nowMs),
        gt(sessions.seenAt, nowMs - SESSION_IDLE_MS),
      ),
    )
    .get()
  return row ? { ...row, isOperator: row.isOperator && row.email === adminEmail } : null
}

/** Notes that a session was used, at most once a minute. */
export function noteSeen(db: Db, token: string, { seenAt }: Session, nowMs: number): void {
  if (nowMs - seenAt <= SEEN_EVERY_MS) return
  const used = eq(sessions.tokenHash, hashToken(token))
  db.write((tx) => tx.update(sessions).set({ seenAt: nowMs }).where(used).run())
}

/** Ends one session. */
export function endSession(tx: Tx, token: string): void {
  tx.delete(sessions)
    .where(eq(sessions.tokenHash, hashToken(token)))
    .run()
}

const deleteSessions = prepared((tx: Tx) =>
  tx
    .delete(sessions)
    .where(lt(sessions.expiresAt, sql.placeholder('nowMs')))
    .prepare(),
)
const deleteLinks = prepared((tx: Tx) =>
  tx
    .delete(loginLinks)
    .where(lt(loginLinks.expiresAt, sql.placeholder('nowMs')))
    .prepare(),
)

/** Forgets sessions and sign-in links whose time is over. */
export function sweepSessions(db: Db, nowMs: number): void {
  db.write((tx) => {
    deleteSessions(tx).run({ nowMs })
    deleteLinks(tx).run({ nowMs })
  })
}
