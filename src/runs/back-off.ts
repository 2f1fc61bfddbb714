const FIRST_MS = 1_000
const CAP_MS = 300_000

/** How long to wait after the n-th failure in a row: doubling, capped at five minutes, jittered by half. */
export function backOffMs(attempts: number, chance: number): number {
  const full = Math.min(CAP_MS, FIRST_MS * 2 ** (attempts - 1))
  return Math.round(full * (0.5 + chance / 2))
}
