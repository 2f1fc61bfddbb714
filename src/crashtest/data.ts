import { and, desc, eq, isNotNull } from 'drizzle-orm'
import { backupOfRun } from '../backups/backup'
import { prepared } from '../db/prepared'
import { backups, runs, tenants } from '../db/schema'
import type { TenantRow } from '../tenants/tenant'
import type { Wanted } from './diary'
import { currentServer, type End, liveTenants } from './end'

const DAY_MS = 86_400_000

const completeBackups = prepared((db) =>
  db.select().from(backups).where(eq(backups.status, 'complete')).prepare(),
)
const deletedTenants = prepared((db) => {
  const isOne = and(eq(tenants.status, 'deleted'), isNotNull(tenants.activatedAt))
  return db.select().from(tenants).where(isOne).prepare()
})

/** Live tenants whose apps hold something else than they must, in words. */
export function lostNotes(end: End): string[] {
  return liveTenants(end.db).flatMap((tenant) => {
    const server = currentServer(end.db, tenant)
    const machine = end.holds.machines.find(({ id }) => id === server?.externalId)
    const wanted = end.diary.wanted(tenant.id)
    if (!machine || !wanted) return []
    return compare(wanted, machine.data.notes).map((what) => `${tenant.subdomain}: ${what}`)
  })
}

/** What a machine lacks of what it must hold, and what it has too much. */
function compare(wanted: Wanted, has: readonly string[]): string[] {
  const sure = wanted.flatMap(({ text, isSure }) => (isSure ? [text] : []))
  const all = wanted.map(({ text }) => text)
  return [
    ...sure.filter((text) => !has.includes(text)).map((text) => `${text} is gone`),
    ...has.filter((text) => !all.includes(text)).map((text) => `${text} has come back`),
    ...has.filter((text, index) => has.indexOf(text) !== index).map((text) => `${text} is there twice`),
  ]
}

/** Backups that Atlas says it keeps and that are not there, in words. */
export function lostBackups({ db, holds, nowMs }: End): string[] {
  const kept = completeBackups(db).all()
  return kept
    .filter(({ expiresAt }) => (expiresAt ?? 0) > nowMs)
    .filter(({ imageId, objectKey }) =>
      objectKey === null
        ? !holds.images.some(({ id }) => id === imageId)
        : !holds.objects.some(({ key }) => key === objectKey),
    )
    .map(({ reason, method }) => `a backup (${method}, ${reason}) is gone`)
}

/** Deleted tenants without a last copy of all that was theirs, in words. */
export function lostCopies(end: End): string[] {
  const { db, nowMs, keptDays } = end
  const gone = deletedTenants(db).all()
  return gone
    .filter(({ deletedAt, planId }) => (deletedAt ?? 0) + keptDays(planId) * DAY_MS > nowMs)
    .flatMap((tenant) => lackOfCopy(end, tenant).map((what) => `${tenant.subdomain}: ${what}`))
}

function lackOfCopy({ db, diary, holds, isCalm }: End, { id }: TenantRow): string[] {
  const deletion = and(eq(runs.tenantId, id), eq(runs.kind, 'delete'), eq(runs.status, 'succeeded'))
  const run = db.select().from(runs).where(deletion).orderBy(desc(runs.createdAt)).get()
  const made = { runId: run?.id ?? '', method: 'app', reason: 'before_deletion' } as const
  const last = backupOfRun(db, made)
  const whole = last?.status === 'complete' ? last : undefined
  // A server that never answers is done without.
  if (!whole && !isCalm) return []
  const stored = holds.objects.some(({ key }) => key === whole?.objectKey)
  if (!whole || !stored) return ['there is no last copy']
  const held = diary.heldBy(whole.objectKey)
  const wanted = diary.wanted(id)
  return held && wanted ? compare(wanted, held).map((what) => `of the last copy, ${what}`) : []
}
