import { asc, sql } from 'drizzle-orm'
import type { Clock } from '../clock'
import type { Db, Tx } from '../db/open'
import { inserting, prepared, updating } from '../db/prepared'
import { outbox } from '../db/schema'
import { asAtlasError } from '../errors'
import { newId } from '../ids'
import type { Log } from '../log'
import type { Mail, Mailer } from '../providers/mailer'
import { seal, unseal } from '../secrets'
import { backOffMs } from './back-off'
import { performEffect } from './effects'
import { isInDoubt } from './mail-doubt'
import type { Lane } from './worker'

type MailRow = typeof outbox.$inferSelect

export type OutgoingMail = {
  /** `welcome`, `login-link`: for people and counts. */
  kind: string
  /** The id of what the mail is about. */
  subject: string
  /** One mail a key, however often it is queued. */
  idempotencyKey: string
  mail: Mail
}

/** After so many tries a mail is late: people are shown it, and it is tried ever more seldom. */
export const LATE_ATTEMPTS = 12
const LATE_PAUSE_MS = 1_800_000
/** Resend knows a key for 24 hours; while it does, a mail that may have arrived can be sent again without harm. */
const SEND_FOR_MS = 20 * 3_600_000
const MAILS_AT_ONCE_MAX = 4
const IN_DOUBT =
  'Nobody knows whether this mail has arrived: Resend’s answer was lost, and after a day it can’t be asked any more. Ask the recipient, or look at Resend; then send it again, or dismiss it.'

const insertMail = inserting(outbox, 'unless there')

/** Queues a mail in the transaction that makes it true. A key that was queued before queues nothing. */
export function queueMail(tx: Tx, key: Uint8Array, outgoing: OutgoingMail, nowMs: number): void {
  const id = newId('msg', nowMs)
  insertMail(tx, {
    id,
    kind: outgoing.kind,
    subject: outgoing.subject,
    recipient: outgoing.mail.to,
    sealed: seal(key, JSON.stringify(outgoing.mail), placeOf(id)),
    idempotencyKey: outgoing.idempotencyKey,
    status: 'queued',
    availableAt: nowMs,
    createdAt: nowMs,
  })
}

export type OutboxParts = {
  db: Db
  clock: Clock
  log: Log
  mailer: Mailer
  key: Uint8Array
  chance: () => number
}

const nextMails = prepared((db) =>
  db
    .select()
    .from(outbox)
    // A literal, because SQLite uses no partial index for a bound value.
    .where(sql`${outbox.status} = 'queued'`)
    .orderBy(asc(outbox.availableAt))
    .limit(sql.placeholder('limit'))
    .prepare(),
)

/** The lane that sends queued mails, each once. */
export function outboxLane(parts: OutboxParts): Lane<MailRow> {
  const { db, clock } = parts
  const waiting = (limit: number, inHand: ReadonlySet<string>) =>
    nextMails(db.read)
      .all({ limit: limit + inHand.size })
      .filter(({ id }) => !inHand.has(id))
  return {
    name: 'outbox',
    concurrency: MAILS_AT_ONCE_MAX,
    nextDueAt: (inHand) => waiting(1, inHand)[0]?.availableAt ?? null,
    take: (limit, inHand) =>
      waiting(limit, inHand)
        .filter(({ availableAt }) => availableAt <= clock.now())
        .slice(0, limit),
    keyOf: (row) => row.id,
    work: (row) => deliver(parts, row),
  }
}

async function deliver(parts: OutboxParts, row: MailRow): Promise<void> {
  const { db, clock, log, mailer, key, chance } = parts
  if (isInDoubt(db.read, row, clock.now())) {
    change(db, row.id, { status: 'failed', reason: IN_DOUBT })
    return
  }
  try {
    const mail = JSON.parse(unseal(key, row.sealed ?? Buffer.alloc(0), placeOf(row.id)).toString()) as Mail
    const intent = {
      provider: 'resend' as const,
      verb: 'send',
      key: row.idempotencyKey,
      summary: { kind: row.kind, to: row.recipient },
    }
    const send = () => mailer.send(mail, row.idempotencyKey)
    const sent = await performEffect(db, clock, { subject: row.subject }, intent, send, (reply) => reply.id)
    change(db, row.id, {
      status: 'sent',
      sentAt: clock.now(),
      externalId: sent.id,
      sealed: null,
      reason: null,
    })
  } catch (thrown) {
    const error = asAtlasError(thrown)
    const attempts = row.attempts + 1
    const isLate = attempts >= LATE_ATTEMPTS
    const isOld = clock.now() - row.createdAt >= SEND_FOR_MS
    const again = error.code === 'unavailable' && !(isLate && isOld)
    const pauseMs = Math.max(isLate ? LATE_PAUSE_MS : backOffMs(attempts, chance()), error.retryAfterMs ?? 0)
    if (!again) log.error('a mail could not be sent', error, { mail: row.id, kind: row.kind })
    change(db, row.id, {
      status: again ? 'queued' : 'failed',
      attempts,
      availableAt: clock.now() + pauseMs,
      reason: error.message,
    })
  }
}

const changeMail = updating(outbox, 'id')

function change(db: Db, id: string, fields: Partial<MailRow>): void {
  db.write((tx) => changeMail(tx, { id }, fields))
}

function placeOf(id: string): string {
  return `outbox/${id}/sealed`
}
