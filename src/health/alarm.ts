import { and, count, desc, eq, gt, gte, inArray, isNotNull, isNull, min } from 'drizzle-orm'
import type { Email } from '../../views/emails/email'
import { outage, outageOver, tenantDown, tenantUp } from '../../views/emails/health'
import type { Tx } from '../db/open'
import { healthChecks, incidents, tenants } from '../db/schema'
import { queueMail } from '../runs/outbox'
import type { Services } from '../services'
import { getTenant, urlOf } from '../tenants/tenant'
import { CHECK_EVERY_MS, type HealthRow } from './check'

export type IncidentRow = typeof incidents.$inferSelect

/** More than these within one interval are told in one mail. */
const ALONE_MAX = 10
/** What fails for one reason is noticed within two rounds of checks, and the slowest answers a little later. */
const OUTAGE_GROWS_MS = 3 * CHECK_EVERY_MS

/** Tells the operator that an incident began: in a mail of its own, or as a part of an outage that one mail tells of. */
export function tellDown(tx: Tx, services: Services, incident: IncidentRow, row: HealthRow, nowMs: number) {
  const since = row.changedAt ?? nowMs
  const from = since - CHECK_EVERY_MS
  const some = failingSince(tx, from, ALONE_MAX + 1)
  if (some <= ALONE_MAX) return tellAlone(tx, services, incident, { since, together: some }, nowMs)
  const open = growingOutage(tx, nowMs)
  tx.update(incidents)
    .set({ outage: open ?? incident.id })
    .where(eq(incidents.id, incident.id))
    .run()
  if (open) return
  const mail = outage({
    ...dashboard(services, '/admin/health?state=unhealthy'),
    count: failingSince(tx, from),
    since: firstFailure(tx, from) ?? since,
    examples: examplesOf(tx),
    isEverybody: nobodyAnswers(tx, since),
  })
  queue(tx, services, { kind: 'outage', subject: incident.id, key: `outage-${incident.id}`, mail }, nowMs)
}

/** Tells the operator that incidents have ended: each in a mail of its own, those of an outage in one. */
export function tellUp(tx: Tx, services: Services, ended: IncidentRow[], nowMs: number): void {
  for (const incident of ended.filter(({ outage }) => outage === null))
    tellAgain(tx, services, incident, nowMs)
  tellOutagesOver(tx, services, ended, nowMs)
}

/** Tells the operator of the outages that are over with these incidents. */
export function tellOutagesOver(tx: Tx, services: Services, ended: IncidentRow[], nowMs: number): void {
  for (const id of new Set(ended.flatMap(({ outage }) => outage ?? [])))
    tellOutageOver(tx, services, id, nowMs)
}

function tellAlone(
  tx: Tx,
  services: Services,
  incident: IncidentRow,
  { since, together }: { since: number; together: number },
  nowMs: number,
): void {
  const tenant = getTenant(tx, incident.tenantId)
  const mail = tenantDown({
    ...dashboard(services, `/admin/tenants/${tenant.id}`),
    name: tenant.subdomain,
    address: new URL(urlOf(tenant, services.settings.tenantDomain)).host,
    since,
    reason: incident.reason,
    isEverybody: together > 1 && nobodyAnswers(tx, since),
  })
  const key = `incident-${incident.id}`
  queue(tx, services, { kind: 'tenant-down', subject: tenant.id, key, mail }, nowMs)
}

function tellAgain(tx: Tx, services: Services, incident: IncidentRow, nowMs: number): void {
  const tenant = getTenant(tx, incident.tenantId)
  const mail = tenantUp({
    ...dashboard(services, `/admin/tenants/${tenant.id}`),
    name: tenant.subdomain,
    address: new URL(urlOf(tenant, services.settings.tenantDomain)).host,
    downMs: nowMs - incident.startedAt,
  })
  const key = `incident-over-${incident.id}`
  queue(tx, services, { kind: 'tenant-up', subject: tenant.id, key, mail }, nowMs)
}

/** An outage is over when hardly anybody is left of it; whoever is left is told of alone from then on. */
function tellOutageOver(tx: Tx, services: Services, id: string, nowMs: number): void {
  const ofIt = eq(incidents.outage, id)
  const left = tx
    .select({ id: incidents.id, name: tenants.subdomain })
    .from(incidents)
    .innerJoin(tenants, eq(tenants.id, incidents.tenantId))
    .where(and(ofIt, isNull(incidents.endedAt)))
    .limit(ALONE_MAX + 1)
    .all()
  if (left.length > ALONE_MAX) return
  const all = tx
    .select({ count: count(), since: min(incidents.startedAt) })
    .from(incidents)
    .where(ofIt)
    .get()
  if (!all || left.length > all.count / 10) return
  tx.update(incidents)
    .set({ outage: null })
    .where(and(ofIt, isNull(incidents.endedAt)))
    .run()
  const mail = outageOver({
    ...dashboard(services, '/admin/health'),
    count: all.count - left.length,
    downMs: nowMs - (all.since ?? nowMs),
    stillDown: left.map(({ name }) => name),
  })
  queue(tx, services, { kind: 'outage-over', subject: id, key: `outage-over-${id}`, mail }, nowMs)
}

const NOT_WELL = inArray(healthChecks.state, ['failing', 'unhealthy'])

/** How many began to fail since; counting ends at `max`. */
function failingSince(tx: Tx, sinceMs: number, max = Number.MAX_SAFE_INTEGER): number {
  const failing = tx
    .select({ id: healthChecks.tenantId })
    .from(healthChecks)
    .where(and(NOT_WELL, gte(healthChecks.changedAt, sinceMs)))
    .limit(max)
    .as('failing')
  return tx.select({ count: count() }).from(failing).get()?.count ?? 0
}

function firstFailure(tx: Tx, sinceMs: number): number | null {
  const failing = and(NOT_WELL, gte(healthChecks.changedAt, sinceMs))
  return (
    tx
      .select({ at: min(healthChecks.changedAt) })
      .from(healthChecks)
      .where(failing)
      .get()?.at ?? null
  )
}

/** Whether not one tenant has given a good answer since. */
function nobodyAnswers(tx: Tx, sinceMs: number): boolean {
  const well = and(eq(healthChecks.state, 'healthy'), gt(healthChecks.checkedAt, sinceMs))
  return !tx.select({ id: healthChecks.tenantId }).from(healthChecks).where(well).limit(1).get()
}

/** The outage that others were falling in until lately: one that has merely not ended would keep the next one quiet. */
function growingOutage(tx: Tx, nowMs: number): string | null {
  const lately = gt(incidents.startedAt, nowMs - OUTAGE_GROWS_MS)
  const open = and(isNotNull(incidents.outage), isNull(incidents.endedAt), lately)
  return (
    tx
      .select({ id: incidents.outage })
      .from(incidents)
      .where(open)
      .orderBy(desc(incidents.outage))
      .limit(1)
      .get()?.id ?? null
  )
}

function examplesOf(tx: Tx) {
  return tx
    .select({ name: tenants.subdomain, reason: healthChecks.reason })
    .from(healthChecks)
    .innerJoin(tenants, eq(tenants.id, healthChecks.tenantId))
    .where(NOT_WELL)
    .orderBy(desc(healthChecks.changedAt))
    .limit(5)
    .all()
    .map(({ name, reason }) => ({ name, reason: reason ?? '' }))
}

function dashboard({ settings, catalog }: Services, path: string) {
  return { url: `${settings.baseUrl}${path}`, accent: catalog.front.shop.accent }
}

type Notice = { kind: string; subject: string; key: string; mail: Email }

function queue(tx: Tx, { settings }: Services, { kind, subject, key, mail }: Notice, nowMs: number): void {
  const outgoing = { from: settings.emailFrom, to: settings.adminEmail, ...mail }
  queueMail(tx, settings.encryptionKey, { kind, subject, idempotencyKey: key, mail: outgoing }, nowMs)
}
