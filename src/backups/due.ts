import { count, inArray, sql } from 'drizzle-orm'
import { ATLAS } from '../audit'
import type { PlanBackups } from '../catalog/blueprint'
import type { Reader } from '../db/open'
import { prepared } from '../db/prepared'
import { runs, tenants } from '../db/schema'
import { asAtlasError } from '../errors'
import { latestRun } from '../runs/run'
import type { Services } from '../services'
import { waitsForSomebody } from '../tenants/readiness'
import { type BackupMethod, missingFor } from './backup'
import { backUpTenant } from './recipe'

/** How many backups are made at a time; with one every two minutes that is 14,400 a day. */
const AT_ONCE_MAX = 20
const HOUR_MS = 3_600_000
const SLICE = 500
const METHODS = ['app', 'image'] as const

/** The facts from which it follows whether a tenant's backup is due; times in UTC milliseconds. */
export type Facts = {
  tenantId: string
  status: string
  activatedAt: number | null
  /** Whether a suspended tenant was backed up since it was stopped. */
  isSettled: boolean
  /** When each was last begun, whatever became of it. */
  lastAt: Record<BackupMethod, number | null>
}

/** Queues the backups that are due, the longest overdue first; those that can't be made now are tried later. */
export async function queueDueBackups(services: Services): Promise<void> {
  const { db, clock, log } = services
  const nowMs = clock.now()
  let free = AT_ONCE_MAX - atWork(db.read)
  if (free <= 0) return
  for (const { tenantId, method } of await dueBackups(services, nowMs)) {
    if (free === 0) return
    if (isHeldByFailure(db.read, tenantId)) continue
    try {
      const wanted = { actor: ATLAS, reason: 'scheduled', method, nowMs } as const
      db.write((tx) => backUpTenant(tx, services, tenantId, wanted))
      free--
    } catch (thrown) {
      const { code, message } = asAtlasError(thrown)
      if (code !== 'conflict') throw thrown
      log.info('a backup is put off', { tenant: tenantId, why: message })
    }
  }
}

/** Which tenants are due, and for what, the longest waiting first; nothing is being done to any of them. */
export async function dueBackups(services: Services, nowMs: number): Promise<Due[]> {
  const due: Due[] = []
  let last = ''
  do {
    const slice = candidates(services.db.read, last)
    due.push(...slice.flatMap((candidate) => dueOf(services, candidate, nowMs) ?? []))
    last = slice.length === SLICE ? (slice.at(-1)?.tenantId ?? '') : ''
    // A look at ten thousand tenants in one go would keep everybody's pages waiting.
    await new Promise<void>((resolve) => setImmediate(resolve))
  } while (last !== '')
  return due.sort((a, b) => a.lastAt - b.lastAt)
}

type Due = { tenantId: string; method: BackupMethod; lastAt: number }

function dueOf(services: Services, candidate: Candidate, nowMs: number): Due | null {
  const { planId, blueprint, externalId, ...facts } = candidate
  const { plan } = services.catalog.plan(planId)
  const method = METHODS.find(
    (one) =>
      isDue(facts, one, plan.backups, nowMs) &&
      missingFor(services, { blueprint }, { externalId }, one) === null,
  )
  return method ? { tenantId: facts.tenantId, method, lastAt: facts.lastAt[method] ?? 0 } : null
}

/**
 * Whether a backup is due. Time is cut into slots as long as the plan says, which begin at a moment of the tenant's
 * own, so that all of them are spread; each slot wants one. A suspended tenant changes no more: once its app was
 * copied after it was stopped, it wants nothing.
 */
export function isDue(facts: Facts, method: BackupMethod, plan: PlanBackups, nowMs: number): boolean {
  const everyMs = (method === 'app' ? plan.everyHours : plan.imagesEveryDays * 24) * HOUR_MS
  if (everyMs === 0) return false
  if (facts.status === 'suspended' && (method === 'image' || facts.isSettled)) return false
  return (
    (facts.lastAt[method] ?? facts.activatedAt ?? 0) < slotOf(`${facts.tenantId}/${method}`, everyMs, nowMs)
  )
}

/** When the present slot began, in UTC milliseconds. */
export function slotOf(name: string, everyMs: number, nowMs: number): number {
  const offset = Bun.hash.crc32(name) % everyMs
  return Math.floor((nowMs - offset) / everyMs) * everyMs + offset
}

type Candidate = Facts & { planId: string; blueprint: string; externalId: string | null }

/** Live tenants that nothing is being done to: some of them, those after `last`. */
function candidates(db: Reader, last: string): Candidate[] {
  // `+` keeps SQLite from the index of statuses, by which it would sort every slice anew.
  const rows = db.all<Omit<Candidate, 'lastAt' | 'isSettled'> & { settled: number } & Facts['lastAt']>(sql`
    SELECT t.id AS tenantId, t.status, t.plan_id AS planId, t.blueprint, t.activated_at AS activatedAt,
      s.external_id AS externalId,
      (SELECT max(created_at) FROM backups WHERE tenant_id = t.id AND method = 'app') AS app,
      (SELECT max(created_at) FROM backups WHERE tenant_id = t.id AND method = 'image') AS image,
      t.status = 'suspended' AND EXISTS (SELECT 1 FROM backups WHERE tenant_id = t.id AND method = 'app'
        AND status = 'complete' AND created_at >= t.suspended_at) AS settled
    FROM ${tenants} AS t JOIN servers AS s ON s.tenant_id = t.id AND s.role = 'current'
    WHERE t.id > ${last} AND +t.status IN ('active', 'suspended') AND NOT EXISTS (
      SELECT 1 FROM runs WHERE tenant_id = t.id AND status IN ('queued', 'running', 'waiting'))
    ORDER BY t.id LIMIT ${SLICE}`)
  return rows.map(({ app, image, settled, ...facts }) => ({
    ...facts,
    isSettled: settled === 1,
    lastAt: { app, image },
  }))
}

/** What stopped half-way and waits for somebody to retry or undo it must stay the tenant's latest run. */
function isHeldByFailure(db: Reader, tenantId: string): boolean {
  const latest = latestRun(db, tenantId)
  return latest !== undefined && waitsForSomebody(latest)
}

const countBackups = prepared((db) => {
  const live = inArray(runs.status, ['queued', 'running', 'waiting'])
  // The plus keeps SQLite from reading all backups that ever were.
  return db.select({ count: count() }).from(runs).where(sql`${live} AND +${runs.kind} = 'backup'`).prepare()
})

function atWork(db: Reader): number {
  return countBackups(db).get()?.count ?? 0
}
