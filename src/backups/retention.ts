const DAY_MS = 86_400_000

/** How long whatever a failed backup has left behind is kept. */
const FAILURE_KEPT_MS = DAY_MS

/** The moment from which on a backup is no longer kept, in UTC milliseconds. */
export function expiryOf(completedAtMs: number, retentionDays: number): number {
  return completedAtMs + retentionDays * DAY_MS
}

/** The same of one that failed. */
export function failureExpiryOf(failedAtMs: number): number {
  return failedAtMs + FAILURE_KEPT_MS
}
