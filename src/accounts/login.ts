import { and, eq, gt } from 'drizzle-orm'
import { loginLink } from '../../views/emails/login-link'
import { audit } from '../audit'
import type { Tx } from '../db/open'
import { loginLinks, users } from '../db/schema'
import { invalid } from '../errors'
import { type OutgoingMail, queueMail } from '../runs/outbox'
import { equalSecrets, hashToken, newToken } from '../secrets'
import type { Services } from '../services'
import { ensureUser } from './organization'
import { countTry, networkOf } from './rate-limit'
import { openSession, type Visitor } from './session'

/** How long a sign-in link can be used. */
export const LINK_LASTS_MS = 15 * 60_000
const WINDOW_MS = 15 * 60_000

/**
 * Answers a request for a sign-in link: the same for every address, and a mail only for the operator's.
 * Returns the token that binds the link to the browser that asked. Throws `unavailable` when asked too often.
 */
export function requestLoginLink(services: Services, typedEmail: string, visitor: Visitor): string {
  const { db, clock, settings } = services
  const nowMs = clock.now()
  const email = typedEmail.trim().toLowerCase()
  countRequest(services, hashToken(email), networkOf(visitor.ip))
  const browser = newToken()
  const link = newToken()
  db.write((tx) => {
    const detail = { known: email === settings.adminEmail }
    audit(tx, nowMs, {
      actor: { id: 'visitor', ip: visitor.ip },
      action: 'login.requested',
      subject: 'login',
      detail,
    })
    // For every address, so that the time this takes tells little; only the operator is ever sent the link.
    const hashes = { tokenHash: hashToken(link), browserHash: hashToken(browser) }
    tx.insert(loginLinks)
      .values({ ...hashes, email, createdAt: nowMs, expiresAt: nowMs + LINK_LASTS_MS })
      .run()
    const mail = linkMail(services, email, link)
    if (email === settings.adminEmail) queueMail(tx, settings.encryptionKey, mail, nowMs)
  })
  return browser
}

/**
 * Makes a link for whoever runs Atlas on its machine, which needs no mail and counts as no try; returns its path. It may be
 * opened in any browser, so it carries both halves of what is asked for.
 */
export function createLoginLink(tx: Tx, email: string, nowMs: number): string {
  const link = newToken()
  const browser = newToken()
  const hashes = { tokenHash: hashToken(link), browserHash: hashToken(browser) }
  tx.insert(loginLinks)
    .values({ ...hashes, email, createdAt: nowMs, expiresAt: nowMs + LINK_LASTS_MS })
    .run()
  audit(tx, nowMs, { actor: { id: 'cli' }, action: 'login.link_made', subject: 'login' })
  return `/login/confirm?${new URLSearchParams({ token: link, browser })}`
}

/**
 * Trades a link's token for a session, in the browser that asked and once; returns the session's token.
 * Throws `invalid` in the same words for a link that is used, expired, forged or from another browser.
 */
export function redeemLoginLink(
  services: Services,
  token: string,
  browser: string | undefined,
  visitor: Visitor,
): string {
  const { db, clock, settings } = services
  const nowMs = clock.now()
  countTry(db, { key: `redeem:ip:${networkOf(visitor.ip)}`, max: 30, windowMs: WINDOW_MS }, nowMs)
  const session = db.write((tx) => {
    const mine = and(eq(loginLinks.tokenHash, hashToken(token)), gt(loginLinks.expiresAt, nowMs))
    const link = tx.select().from(loginLinks).where(mine).get()
    const usable = link && browser && equalSecrets(link.browserHash, hashToken(browser))
    if (!usable || link.email !== settings.adminEmail) {
      audit(tx, nowMs, {
        actor: { id: 'visitor', ip: visitor.ip },
        action: 'login.refused',
        subject: 'login',
      })
      return null
    }
    tx.delete(loginLinks).where(eq(loginLinks.email, link.email)).run()
    const userId = ensureUser(tx, link.email, nowMs)
    // The place of the second factor: until it is given, a session here must not be the operator's.
    tx.update(users).set({ isOperator: true }).where(eq(users.id, userId)).run()
    audit(tx, nowMs, { actor: { id: userId, ip: visitor.ip }, action: 'login.succeeded', subject: userId })
    return openSession(tx, userId, visitor, nowMs)
  })
  if (session) return session
  throw invalid(
    'This link was used, has expired, or was asked for in another browser. Ask for a new one here.',
  )
}

/** One asker reaches one address only a few times, so nobody can keep the operator out from a single place. */
function countRequest({ db, clock }: Services, address: string, network: string): void {
  const limits = [
    { key: `login:ip:${network}`, max: 20 },
    { key: `login:from:${network}:${address}`, max: 5 },
    { key: `login:to:${address}`, max: 30 },
  ]
  for (const limit of limits) countTry(db, { ...limit, windowMs: WINDOW_MS }, clock.now())
}

function linkMail({ settings, catalog }: Services, email: string, link: string): OutgoingMail {
  const mail = loginLink({
    url: `${settings.baseUrl}/login/confirm?token=${link}`,
    minutes: LINK_LASTS_MS / 60_000,
    accent: catalog.front.shop.accent,
  })
  return {
    kind: 'login-link',
    subject: 'login',
    idempotencyKey: `login-${hashToken(link).slice(0, 32)}`,
    mail: { from: settings.emailFrom, to: email, ...mail },
  }
}
