import { and, asc, desc, eq, gt, isNotNull, max, sql } from 'drizzle-orm'
import { type BackupsNews, backupsAgain, backupsOverdue } from '../../views/emails/backups'
import { ATLAS, audit } from '../audit'
import type { Reader, Tx } from '../db/open'
import { backups, runs, tenants } from '../db/schema'
import { queueMail } from '../runs/outbox'
import { latestRun } from '../runs/run'
import type { Services } from '../services'
import { waitsForSomebody } from '../tenants/readiness'
import { getTenant } from '../tenants/tenant'

const HOUR_MS = 3_600_000
/** After how many of its plan's intervals without a backup a tenant is overdue: one may fail and is made up for. */
const INTERVALS = 2
const SLICE = 500
const EXAMPLES = 5

/** A tenant whose app should have been backed up long ago. */
export type OverdueTenant = {
  id: string
  subdomain: string
  since: number
  /** When its newest backup was begun; null when it has none. */
  latestAt: number | null
  /** Why there is no newer one, as far as Atlas knows. */
  reason: string
}

/**
 * Looks for tenants without a backup of the app for twice as long as their plan says. The operator is told once of each,
 * all of them in one mail, and once more when they have one again.
 */
export async function watchBackups(services: Services): Promise<void> {
  const { db, clock } = services
  const nowMs = clock.now()
  const changed: Watched[] = []
  let last = ''
  do {
    const slice = watched(db.read, last)
    changed.push(...slice.filter((one) => isOverdue(services, one, nowMs) !== (one.overdueSince !== null)))
    last = slice.length === SLICE ? (slice.at(-1)?.id ?? '') : ''
    // A look at ten thousand tenants in one go would keep everybody's pages waiting.
    await new Promise<void>((resolve) => setImmediate(resolve))
  } while (last !== '')
  if (changed.length > 0) db.write((tx) => settle(tx, services, changed, nowMs))
}

/** Tenants that are overdue and have had no backup since that was noticed, the longest first. */
export function overdueBackups(services: Services, limit: number): { rows: OverdueTenant[]; total: number } {
  const { read } = services.db
  const isOpen = isStillOverdue()
  const open = read.select().from(tenants).where(isOpen)
  const total = read.select({ n: sql<number>`count(*)` }).from(tenants).where(isOpen).get()?.n ?? 0
  const rows = open.orderBy(asc(tenants.backupOverdueSince), asc(tenants.id)).limit(limit).all()
  return { total, rows: rows.map(({ id }) => tellingOf(read, services, id)) }
}

/** Why a tenant has no fresh backup, as a sentence; null unless it is overdue. */
export function whyOverdue(services: Services, tenantId: string): string | null {
  const { read } = services.db
  const mine = and(eq(tenants.id, tenantId), isStillOverdue())
  const isOverdueNow = read.select({ id: tenants.id }).from(tenants).where(mine).get() !== undefined
  return isOverdueNow ? tellingOf(read, services, tenantId).reason : null
}

/** A fresh backup counts at once, not from the next look on. */
function isStillOverdue() {
  return and(
    isNotNull(tenants.backupOverdueSince),
    sql`NOT EXISTS (SELECT 1 FROM backups WHERE backups.tenant_id = tenants.id AND backups.method = 'app'
      AND backups.status = 'complete' AND backups.completed_at > tenants.backup_overdue_since)`,
  )
}

type Watched = {
  id: string
  status: string
  planId: string
  blueprint: string
  livesSince: number
  suspendedAt: number | null
  overdueSince: number | null
  latestAt: number | null
}

/** Some of the tenants that may be overdue, or were: those after `last`. */
function watched(db: Reader, last: string): Watched[] {
  return db.all<Watched>(sql`
    SELECT t.id, t.status, t.plan_id AS planId, t.blueprint, coalesce(t.activated_at, t.created_at) AS livesSince,
      t.suspended_at AS suspendedAt, t.backup_overdue_since AS overdueSince,
      (SELECT created_at FROM backups WHERE tenant_id = t.id AND method = 'app' AND status = 'complete'
        ORDER BY created_at DESC LIMIT 1) AS latestAt
    FROM ${tenants} AS t
    WHERE t.id > ${last} AND (+t.status IN ('active', 'suspended') OR t.backup_overdue_since IS NOT NULL)
    ORDER BY t.id LIMIT ${SLICE}`)
}

function isOverdue({ catalog, db }: Services, tenant: Watched, nowMs: number): boolean {
  const { id, status, planId, blueprint, livesSince, suspendedAt, latestAt } = tenant
  if (status !== 'active' && status !== 'suspended') return false
  if (!catalog.blueprint(blueprint).backup) return false
  const { everyHours } = catalog.plan(planId).plan.backups
  const patienceMs = INTERVALS * everyHours * HOUR_MS
  if (patienceMs === 0 || Math.max(latestAt ?? 0, livesSince) + patienceMs >= nowMs) return false
  // What stands still changes no more, and was copied after it was stopped.
  if (status === 'suspended' && latestAt !== null && latestAt >= (suspendedAt ?? 0)) return false
  return resumedAt(db.read, id) + patienceMs < nowMs
}

/** When a tenant last began to change again, in UTC milliseconds; 0 when it was never suspended. */
function resumedAt(db: Reader, tenantId: string): number {
  const resumptions = and(eq(runs.tenantId, tenantId), eq(runs.kind, 'resume'), eq(runs.status, 'succeeded'))
  const found = db
    .select({ at: max(runs.finishedAt) })
    .from(runs)
    .where(resumptions)
    .get()
  return found?.at ?? 0
}

function settle(tx: Tx, services: Services, changed: Watched[], nowMs: number): void {
  for (const { id, overdueSince } of changed) {
    const isNew = overdueSince === null
    tx.update(tenants)
      .set({ backupOverdueSince: isNew ? nowMs : null })
      .where(eq(tenants.id, id))
      .run()
    const action = isNew ? 'backup.overdue' : 'backup.no_longer_overdue'
    audit(tx, nowMs, { actor: ATLAS, action, subject: id })
  }
  const begun = changed.filter(({ overdueSince }) => overdueSince === null)
  // One that is gone has not got a backup again.
  const ended = changed.filter(({ overdueSince, status }) => overdueSince !== null && isKept(status))
  tell(tx, services, { kind: 'backups-overdue', write: backupsOverdue, tenants: begun }, nowMs)
  tell(tx, services, { kind: 'backups-again', write: backupsAgain, tenants: ended }, nowMs)
}

const isKept = (status: string) => status === 'active' || status === 'suspended'

type News = { kind: string; write: typeof backupsOverdue; tenants: Watched[] }

function tell(tx: Tx, services: Services, { kind, write, tenants: told }: News, nowMs: number): void {
  if (told.length === 0) return
  const { settings, catalog } = services
  const news: BackupsNews = {
    url: `${settings.baseUrl}/admin`,
    accent: catalog.front.shop.accent,
    count: told.length,
    examples: told.slice(0, EXAMPLES).map(({ id }) => {
      const { subdomain: name, latestAt, reason } = tellingOf(tx, services, id)
      return { name, latestAt, reason }
    }),
  }
  const mail = { from: settings.emailFrom, to: settings.adminEmail, ...write(news) }
  const outgoing = { kind, subject: told[0]?.id ?? '', idempotencyKey: `${kind}-${nowMs}`, mail }
  queueMail(tx, settings.encryptionKey, outgoing, nowMs)
}

function tellingOf(db: Reader, services: Services, tenantId: string): OverdueTenant {
  const { id, subdomain, backupOverdueSince } = getTenant(db, tenantId)
  const made = and(eq(backups.tenantId, id), eq(backups.method, 'app'))
  const newest = (status: 'complete' | 'failed', afterMs = -1) =>
    db
      .select()
      .from(backups)
      .where(and(made, eq(backups.status, status), gt(backups.createdAt, afterMs)))
      .orderBy(desc(backups.createdAt))
      .limit(1)
      .get()
  const latestAt = newest('complete')?.createdAt ?? null
  const error = newest('failed', latestAt ?? -1)?.error
  const reason = whyNone(db, services, id) ?? error ?? 'None was begun in time.'
  return { id, subdomain, since: backupOverdueSince ?? 0, latestAt, reason }
}

/** What keeps the schedule from making one, as a sentence; null when nothing does. */
function whyNone(db: Reader, { objects }: Services, tenantId: string): string | null {
  if (!objects) return 'No storage for backups is configured. Set the variables that begin with BACKUP_S3_.'
  const latest = latestRun(db, tenantId)
  if (!latest || !waitsForSomebody(latest)) return null
  return 'Its latest run has stopped half-way and waits for somebody to retry or undo it.'
}
