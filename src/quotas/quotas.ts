import { eq, sql } from 'drizzle-orm'
import type { Reader, Tx } from '../db/open'
import { prepared, putting } from '../db/prepared'
import { quotas } from '../db/schema'
import type { Services } from '../services'
import { queueLength, wakeQueue } from './queue'
import { warnOfQuota } from './warning'

export type QuotaRow = typeof quotas.$inferSelect
export type QuotaName = QuotaRow['name']

/** What a look has counted, as far as it could; the cloud says nothing about its limits, the zone does. */
export type Counted = Partial<{
  servers: number
  addresses: number
  records: { used: number; limit: number }
}>

/** The quotas as they were last counted; none before the first look. */
export function listQuotas(db: Reader): QuotaRow[] {
  const rows = quotasOf(db).all()
  return NAMES.flatMap((name) => rows.find((row) => row.name === name) ?? [])
}

const NAMES: readonly QuotaName[] = ['servers', 'addresses', 'records']

/** Writes down how much is used of what there may be, and tells the operator once when it is nearly all. */
export function noteQuotas(tx: Tx, services: Services, counted: Counted, nowMs: number): void {
  const { limits } = services.settings
  const { servers, addresses, records } = counted
  if (servers !== undefined)
    note(tx, services, { name: 'servers', used: servers, capacity: limits.servers }, nowMs)
  if (addresses !== undefined)
    note(tx, services, { name: 'addresses', used: addresses, capacity: limits.addresses }, nowMs)
  if (records) note(tx, services, { name: 'records', used: records.used, capacity: records.limit }, nowMs)
  wakeQueue(tx, nowMs)
}

/**
 * Counts what was made or deleted since the last look. What became free wakes those who wait for it; so does what was
 * made after the cloud had refused.
 */
export function noteUse(
  tx: Tx,
  services: Services,
  change: Partial<Record<QuotaName, number>>,
  nowMs: number,
): void {
  let wakes = false
  for (const row of listQuotas(tx)) {
    const more = change[row.name] ?? 0
    if (more === 0) continue
    wakes ||= more < 0 || row.refusedAt !== null
    const { name, capacity } = row
    note(tx, services, { name, capacity, used: Math.max(0, row.used + more) }, nowMs)
  }
  if (wakes) wakeQueue(tx, nowMs)
}

/** Counts a server that was made (1) or is gone (-1), with its addresses. */
export function noteServer(
  tx: Tx,
  services: Services,
  { ipv4, ipv6 }: { ipv4: string | null; ipv6: string | null },
  change: 1 | -1,
  nowMs: number,
): void {
  const addresses = [ipv4, ipv6].filter((one) => one !== null).length
  noteUse(tx, services, { servers: change, addresses: change * addresses }, nowMs)
}

/** The cloud itself says that there is no more room, whatever was counted. */
export function noteRefusal(tx: Tx, { settings }: Services, used: number, nowMs: number): void {
  const row = { name: 'servers' as const, used, capacity: settings.limits.servers, checkedAt: nowMs }
  tx.insert(quotas)
    .values({ ...row, refusedAt: nowMs })
    .onConflictDoUpdate({ target: quotas.name, set: { refusedAt: nowMs } })
    .run()
}

const quotaOf = prepared((db) =>
  db
    .select()
    .from(quotas)
    .where(eq(quotas.name, sql.placeholder('name')))
    .prepare(),
)
const putQuota = putting(quotas, 'name')
const quotasOf = prepared((db) => db.select().from(quotas).prepare())

function note(
  tx: Tx,
  services: Services,
  now: Pick<QuotaRow, 'name' | 'used' | 'capacity'>,
  nowMs: number,
): void {
  const before = quotaOf(tx).get({ name: now.name })
  const warnedAt = warnOfQuota(tx, services, now, before?.warnedAt ?? null, nowMs)
  // As long as somebody waits only the first in line tries, or all of them would be refused again and again.
  const refusedAt = queueLength(tx) > 0 ? (before?.refusedAt ?? null) : null
  const row = { ...now, warnedAt, refusedAt, checkedAt: nowMs }
  putQuota(tx, row)
}
