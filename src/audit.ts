import type { Tx } from './db/open'
import { inserting } from './db/prepared'
import { auditEvents } from './db/schema'
import { newId } from './ids'

/** Who did something: a person, a program with a token, or Atlas by itself. */
export type Actor = { id: string; ip?: string | null }

export const ATLAS: Actor = { id: 'atlas' }

export type AuditEvent = {
  actor: Actor
  /** `signup.approved`: the noun and what happened to it. */
  action: string
  /** The id of what it happened to. */
  subject: string
  detail?: Record<string, string | number | boolean | null>
}

const insertEvent = inserting(auditEvents)

/** Records who did what, in the transaction that did it. */
export function audit(tx: Tx, nowMs: number, event: AuditEvent): void {
  insertEvent(tx, {
    id: newId('aud', nowMs),
    at: nowMs,
    actor: event.actor.id,
    action: event.action,
    subject: event.subject,
    detail: JSON.stringify(event.detail ?? {}),
    ip: event.actor.ip ?? null,
  })
}
