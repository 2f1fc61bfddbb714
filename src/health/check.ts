import type { healthChecks } from '../db/schema'

export type HealthRow = typeof healthChecks.$inferSelect
export type HealthState = HealthRow['state']

/** How often every active tenant is asked. */
export const CHECK_EVERY_MS = 300_000
/** From this failure in a row on a tenant counts as down. */
const FAILURES_OF_DOWN = 2

/** What came of asking a tenant's app. */
export type Verdict = { ok: boolean; status: number | null; reason: string | null; tookMs: number }

/** A tenant's next turn: each has its own moment of the interval, so that checks are spread over it. */
export function nextTurn(tenantId: string, nowMs: number): number {
  const moment = Bun.hash.crc32(tenantId) % CHECK_EVERY_MS
  return nowMs + CHECK_EVERY_MS - ((nowMs - moment) % CHECK_EVERY_MS)
}

/** The turn after the one that a row waits for, which may have been taken a little early. */
export function turnAfter({ tenantId, dueAt }: HealthRow, nowMs: number): number {
  return nextTurn(tenantId, Math.max(nowMs, dueAt))
}

/** A tenant's row after an answer. `changedAt` is when it last went from answering to not answering, or back. */
export function judge(row: HealthRow, verdict: Verdict, nowMs: number): HealthRow {
  const failures = verdict.ok ? 0 : row.failures + 1
  const turned = row.state === 'unknown' || row.failures > 0 === verdict.ok
  return {
    ...row,
    state: failures === 0 ? 'healthy' : failures < FAILURES_OF_DOWN ? 'failing' : 'unhealthy',
    failures,
    status: verdict.status,
    reason: verdict.reason,
    tookMs: verdict.tookMs,
    dueAt: turnAfter(row, nowMs),
    checkedAt: nowMs,
    changedAt: turned ? nowMs : row.changedAt,
  }
}
