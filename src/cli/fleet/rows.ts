import { randomUUID } from 'node:crypto'
import { ATLAS } from '../../audit'
import * as tables from '../../db/schema'
import { CHECK_EVERY_MS, nextTurn } from '../../health/check'
import { newId } from '../../ids'
import { settleBackups } from './backups'
import { writeCustomer, writeMoney, writeSignup } from './customer-rows'
import type { Ground } from './ground'
import { effectRow, type History, historyOf } from './history'
import type { Holding } from './holding'
import type { Pen } from './pen'
import type { Tenancy } from './tenancy'
import { writeRecord, writeServer, writeTenant } from './tenant-rows'

const MAIL_MS = 700
const HEALTH_MS = 40

/** Writes everything that Atlas knows of a live tenant, as if it had lived through it. */
export function writeTenancy(pen: Pen, ground: Ground, tenancy: Tenancy, holding: Holding): void {
  const history = historyOf(ground, tenancy, holding)
  writeCustomer(pen, tenancy, holding)
  writeSignup(pen, tenancy, holding, history)
  writeMoney(pen, tenancy, holding)
  writeTenant(pen, ground, tenancy, holding, history)
  writeServer(pen, tenancy, holding)
  writeRecord(pen, tenancy, holding, history)
  writeHealth(pen, ground, tenancy, history)
  pen.write(tables.backups, ...settleBackups(ground, tenancy, holding.server, history.liveAt))
  writeRun(pen, tenancy, history)
  writeMails(pen, ground, tenancy, history)
  writeAudit(pen, tenancy, history)
}

/** It has answered whenever it was asked. */
function writeHealth(pen: Pen, { services }: Ground, { lot, ids }: Tenancy, { liveAt }: History): void {
  const nowMs = services.clock.now()
  const dueAt = nextTurn(ids.tenant, nowMs)
  pen.write(tables.healthChecks, {
    tenantId: ids.tenant,
    state: 'healthy',
    failures: 0,
    status: lot.entry.blueprint.health.expectStatus,
    reason: null,
    tookMs: HEALTH_MS,
    dueAt,
    checkedAt: Math.max(liveAt, dueAt - CHECK_EVERY_MS),
    changedAt: liveAt,
  })
}

function writeRun(pen: Pen, { ids, approvedAt }: Tenancy, { steps, effects, liveAt }: History): void {
  pen.write(tables.runs, {
    id: ids.run,
    kind: 'provision',
    tenantId: ids.tenant,
    input: '{}',
    status: 'succeeded',
    direction: 'forward',
    step: steps.at(-1)?.name ?? null,
    attempts: 0,
    fence: 1,
    claimedBy: null,
    reason: null,
    errorCode: null,
    createdAt: approvedAt,
    availableAt: approvedAt,
    startedAt: approvedAt,
    finishedAt: liveAt,
    cancelRequestedAt: null,
  })
  pen.write(tables.steps, ...steps)
  pen.write(tables.effects, ...effects)
}

function writeMails(pen: Pen, { services }: Ground, tenancy: Tenancy, { liveAt }: History): void {
  const { person, lot, ids, paidAt } = tenancy
  if (lot.entry.plan.approval === 'manual') {
    const to = services.settings.adminEmail
    const key = `approval-${ids.signup}`
    writeMail(pen, { kind: 'approval-notice', subject: ids.signup, key, to, at: paidAt })
  }
  const key = `welcome-${ids.tenant}`
  writeMail(pen, { kind: 'welcome', subject: ids.tenant, key, to: person.email, at: liveAt })
}

type PastMail = { kind: string; subject: string; key: string; to: string; at: number }

/** A mail that was sent long ago: the outbox forgets its words then. */
function writeMail(pen: Pen, { kind, subject, key, to, at }: PastMail): void {
  const externalId = randomUUID()
  pen.write(tables.outbox, {
    id: newId('msg', at),
    kind,
    subject,
    recipient: to,
    sealed: null,
    idempotencyKey: key,
    status: 'sent',
    attempts: 0,
    availableAt: at,
    externalId,
    reason: null,
    createdAt: at,
    sentAt: at + MAIL_MS,
    dismissedAt: null,
  })
  const sent = { provider: 'resend' as const, verb: 'send', key, summary: { kind, to }, externalId }
  pen.write(tables.effects, effectRow({ subject }, sent, at, MAIL_MS))
}

function writeAudit(pen: Pen, tenancy: Tenancy, { liveAt }: History): void {
  const { person, lot, ids, signedUpAt, paidAt, approvedAt } = tenancy
  const { amount, currency } = lot.entry.plan.price
  const note = (at: number, actor: string, action: string, subject: string, detail: object) =>
    pen.write(tables.auditEvents, {
      id: newId('aud', at),
      at,
      actor,
      action,
      subject,
      detail: JSON.stringify(detail),
      ip: null,
    })
  const wanted = { subdomain: person.subdomain, plan: lot.entry.id }
  note(signedUpAt, 'visitor', 'signup.created', ids.signup, wanted)
  note(paidAt, `customer:${person.email}`, 'signup.paid', ids.signup, { amount, currency })
  note(approvedAt, ATLAS.id, 'signup.approved', ids.signup, { tenant: ids.tenant })
  note(liveAt, ATLAS.id, 'tenant.activated', ids.tenant, { run: ids.run })
}
