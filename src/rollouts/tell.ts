import { and, asc, count, eq, isNotNull, or, sql } from 'drizzle-orm'
import { rolloutNews } from '../../views/emails/rollout'
import type { Reader, Tx } from '../db/open'
import { rolloutTargets, tenants } from '../db/schema'
import { getRelease } from '../releases/release'
import { queueMail } from '../runs/outbox'
import type { Services } from '../services'
import { type RolloutRow, strategyOf } from './rollout'

const FAILURES_SHOWN = 10

/** The one mail that says how a rollout ended, or why it waits for a person. */
export function tell(tx: Tx, { settings, catalog }: Services, rollout: RolloutRow, nowMs: number): void {
  const { id, status, releaseId, reason, createdAt } = rollout
  if (status === 'running' || status === 'going_back') return
  const mail = rolloutNews({
    tag: getRelease(tx, releaseId).tag,
    outcome: status,
    canGoBack: strategyOf(rollout).canGoBack,
    reason,
    counts: countsOf(tx, id),
    failures: failuresOf(tx, id),
    tookMs: nowMs - createdAt,
    url: `${settings.baseUrl}/admin/rollouts/${id}`,
    accent: catalog.front.shop.accent,
  })
  const outgoing = {
    kind: `rollout-${status.replace('_', '-')}`,
    subject: id,
    idempotencyKey: `rollout-${id}-${status}-${nowMs}`,
    mail: { from: settings.emailFrom, to: settings.adminEmail, ...mail },
  }
  queueMail(tx, settings.encryptionKey, outgoing, nowMs)
}

function countsOf(db: Reader, rolloutId: string) {
  const failed = sql<number>`${rolloutTargets.failedPart} IS NOT NULL`
  const rows = db
    .select({ state: rolloutTargets.state, failed, n: count() })
    .from(rolloutTargets)
    .where(eq(rolloutTargets.rolloutId, rolloutId))
    .groupBy(rolloutTargets.state, failed)
    .all()
  const many = (isMeant: (row: (typeof rows)[number]) => boolean) =>
    rows.filter(isMeant).reduce((sum, { n }) => sum + n, 0)
  return {
    running: many(({ state }) => state === 'succeeded'),
    back: many(({ state }) => state === 'back' || state === 'failed'),
    failed: many((row) => row.failed === 1),
    setAside: many(({ state }) => state === 'set_aside'),
  }
}

/** Those whose way back failed too come first. */
function failuresOf(db: Reader, rolloutId: string) {
  const isFailure = or(isNotNull(rolloutTargets.failedPart), eq(rolloutTargets.state, 'stuck'))
  return db
    .select({ name: tenants.subdomain, reason: rolloutTargets.reason, part: rolloutTargets.failedPart })
    .from(rolloutTargets)
    .innerJoin(tenants, eq(tenants.id, rolloutTargets.tenantId))
    .where(and(eq(rolloutTargets.rolloutId, rolloutId), isFailure))
    .orderBy(sql`${rolloutTargets.state} <> 'stuck'`, asc(rolloutTargets.position))
    .limit(FAILURES_SHOWN)
    .all()
    .map(({ name, reason, part }) => ({ name, reason: reason ?? `It failed at ${part}.` }))
}
