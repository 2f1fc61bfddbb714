import { randomUUID } from 'node:crypto'
import { ATLAS } from '../../audit'
import * as tables from '../../db/schema'
import { CHECK_EVERY_MS, nextTurn } from '../../health/check'
import { newId } from '../../ids'
import { KEY_BYTES, seal } from '../../secrets'
import { skeletonOf } from '../../signups/subdomain'
import { BACKUP_KEY, secretPlace } from '../../tenants/secrets'
import { dataKeyPlace } from '../../tenants/tenant'
import { settleBackups } from './backups'
import type { Ground } from './ground'
import { effectRow, type History, historyOf } from './history'
import { type Holding, TTL_SECONDS } from './holding'
import type { Pen } from './pen'
import type { Tenancy } from './tenancy'

const CHECKOUT_MS = 400
const MAIL_MS = 700
const HEALTH_MS = 40

/** Writes everything that Atlas knows of a live tenant, as if it had lived through it. */
export function writeTenancy(pen: Pen, ground: Ground, tenancy: Tenancy, holding: Holding): void {
  const history = historyOf(ground, tenancy, holding)
  writeCustomer(pen, tenancy, holding, history)
  writeMoney(pen, tenancy, holding)
  writeTenant(pen, ground, tenancy, holding, history)
  writeHealth(pen, ground, tenancy, history)
  pen.write(tables.backups, ...settleBackups(ground, tenancy, holding.server, history.liveAt))
  writeRun(pen, tenancy, history)
  writeMails(pen, ground, tenancy, history)
  writeAudit(pen, tenancy, history)
}

function writeCustomer(pen: Pen, tenancy: Tenancy, { sold }: Holding, { liveAt }: History): void {
  const { person, lot, ids, signedUpAt, paidAt, approvedAt } = tenancy
  const { email, subdomain } = person
  const { session } = sold
  const planId = lot.entry.id
  pen.write(tables.organizations, {
    id: ids.organization,
    name: subdomain,
    stripeCustomerId: session.customer,
    createdAt: paidAt,
  })
  pen.write(tables.users, { id: ids.user, email, isOperator: false, createdAt: paidAt })
  pen.write(tables.members, {
    organizationId: ids.organization,
    userId: ids.user,
    role: 'owner',
    createdAt: paidAt,
  })
  pen.write(tables.signups, {
    id: ids.signup,
    status: 'active',
    subdomain,
    skeleton: skeletonOf(subdomain),
    email,
    planId,
    organizationId: ids.organization,
    checkoutId: session.id,
    checkoutUrl: null,
    checkoutAttempt: 1,
    checkoutExpiresAt: session.expires_at * 1_000,
    paidAt,
    approvedAt,
    approvedBy: ATLAS.id,
    createdAt: signedUpAt,
    updatedAt: liveAt,
    lookedAt: null,
  })
  const opened = {
    provider: 'stripe' as const,
    verb: 'createCheckout',
    key: `${ids.signup}-checkout-1`,
    summary: { plan: planId, email },
    externalId: session.id,
  }
  pen.write(tables.effects, effectRow({ subject: ids.signup }, opened, signedUpAt, CHECKOUT_MS))
}

function writeMoney(pen: Pen, { lot, ids, paidAt }: Tenancy, { sold }: Holding): void {
  const { subscription, invoice } = sold
  const [item] = subscription.items.data
  pen.write(tables.subscriptions, {
    id: newId('sub', paidAt),
    organizationId: ids.organization,
    stripeId: subscription.id,
    status: subscription.status,
    priceId: lot.entry.priceId,
    planId: lot.entry.id,
    currentPeriodEnd: (item?.current_period_end ?? 0) * 1_000,
    cancelAtPeriodEnd: false,
    createdAt: paidAt,
    updatedAt: paidAt,
    ...lot.entry.plan.price,
    unpaidSince: null,
    canceledAt: null,
  })
  pen.write(tables.payments, {
    id: newId('pay', paidAt),
    organizationId: ids.organization,
    stripeInvoiceId: invoice.id,
    amount: invoice.amount_paid,
    currency: invoice.currency,
    status: 'paid',
    paidAt: (invoice.status_transitions.paid_at ?? 0) * 1_000,
    createdAt: paidAt,
  })
}

function writeTenant(
  pen: Pen,
  { services }: Ground,
  tenancy: Tenancy,
  { server, secrets, changeId }: Holding,
  { liveAt }: History,
): void {
  const { person, lot, ids, hostname, approvedAt } = tenancy
  const { blueprint, id: planId } = lot.entry
  const { random, settings } = services
  const dataKey = random(KEY_BYTES)
  pen.write(tables.tenants, {
    id: ids.tenant,
    organizationId: ids.organization,
    signupId: ids.signup,
    planId,
    blueprint: blueprint.name,
    subdomain: person.subdomain,
    skeleton: skeletonOf(person.subdomain),
    release: blueprint.release,
    status: 'active',
    statusReason: null,
    dataKey: seal(settings.encryptionKey, dataKey, dataKeyPlace(ids.tenant), random),
    createdAt: approvedAt,
    activatedAt: liveAt,
    deletedAt: null,
    updatedAt: liveAt,
    suspendedFor: null,
    suspendedAt: null,
    deleteAt: null,
    backupOverdueSince: null,
    releaseId: null,
    releaseSince: liveAt,
    wantedReleaseId: null,
    noReturnReleaseId: null,
    noReturnSince: null,
  })
  const backupKey = lot.past ? { [BACKUP_KEY]: lot.past.identity } : {}
  for (const [name, value] of Object.entries({ ...secrets, ...backupKey })) {
    const sealed = seal(dataKey, value, secretPlace(ids.tenant, name), random)
    pen.write(tables.secrets, { tenantId: ids.tenant, name, sealed, nextSealed: null, createdAt: approvedAt })
  }
  pen.write(tables.servers, {
    id: ids.server,
    tenantId: ids.tenant,
    role: 'current',
    provider: 'hetzner',
    name: tenancy.serverName,
    externalId: server.id,
    serverType: lot.serverType,
    location: lot.location,
    image: blueprint.server.image,
    ipv4: server.ipv4,
    ipv6: server.ipv6,
    ipv4Id: server.ipv4Id,
    ipv6Id: server.ipv6Id,
    diskGb: lot.diskGb,
    hostKey: server.hostKey,
    nextHostKey: null,
    createdAt: approvedAt,
    deletedAt: null,
  })
  pen.write(tables.dnsRecords, {
    id: newId('rec', liveAt),
    tenantId: ids.tenant,
    name: hostname,
    type: 'A',
    value: server.ipv4,
    ttlSeconds: TTL_SECONDS,
    changeId,
    createdAt: liveAt,
    deletedAt: null,
  })
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
    writeMail(
      pen,
      'approval-notice',
      ids.signup,
      `approval-${ids.signup}`,
      services.settings.adminEmail,
      paidAt,
    )
  }
  writeMail(pen, 'welcome', ids.tenant, `welcome-${ids.tenant}`, person.email, liveAt)
}

/** A mail that was sent long ago: the outbox forgets its words then. */
function writeMail(
  pen: Pen,
  kind: string,
  subject: string,
  key: string,
  to: string,
  createdAt: number,
): void {
  const externalId = randomUUID()
  pen.write(tables.outbox, {
    id: newId('msg', createdAt),
    kind,
    subject,
    recipient: to,
    sealed: null,
    idempotencyKey: key,
    status: 'sent',
    attempts: 0,
    availableAt: createdAt,
    externalId,
    reason: null,
    createdAt,
    sentAt: createdAt + MAIL_MS,
    dismissedAt: null,
  })
  const sent = { provider: 'resend' as const, verb: 'send', key, summary: { kind, to }, externalId }
  pen.write(tables.effects, effectRow({ subject }, sent, createdAt, MAIL_MS))
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
