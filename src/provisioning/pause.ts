/**
 * How long to wait before looking again: a share of the time already waited, so that looking is frequent at first
 * and what is found late is found with a small relative delay. All in milliseconds.
 */
export function pauseMs(
  waitedMs: number,
  { share = 0.1, min = 400, max = 30_000 }: { share?: number; min?: number; max?: number } = {},
): number {
  return Math.round(Math.min(max, Math.max(min, waitedMs * share)))
}
