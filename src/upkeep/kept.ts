const DAY_MS = 86_400_000

/** What repeats by itself every hour or day: backups that are gone and the runs that made them, looks, lone calls. */
export const ROUTINE_KEPT_MS = 30 * DAY_MS
/**
 * What a tenant's story is told from. Stripe repeats an event for three days and hands it out for 30
 * (https://docs.stripe.com/webhooks, https://docs.stripe.com/api/events); GitHub delivers again for three
 * (https://docs.github.com/webhooks/testing-and-troubleshooting-webhooks/redelivering-webhooks).
 */
export const STORY_KEPT_MS = 90 * DAY_MS
/** Mails that never went out: somebody may still send them. */
export const FAILED_MAIL_KEPT_MS = 365 * DAY_MS

/** From when on a story is told in full, in UTC milliseconds; null when it began since. */
export function toldInFullSince(begunAtMs: number, nowMs: number): number | null {
  const sinceMs = nowMs - ROUTINE_KEPT_MS
  return begunAtMs < sinceMs ? sinceMs : null
}
