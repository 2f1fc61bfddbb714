import { type AtlasError, conflict } from '../errors'
import type { Step, Wait } from './recipe'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS

/** For how long a step waits in one try, whether it does its work or takes it back. */
export type Patience = {
  ms: number
  /** What may take as long as it wants, because it waits for somebody and not for a machine. */
  except?: NonNullable<Wait['awaits']>
  /** Where a person finds out more, as a sentence: 'Look at its console at Hetzner.' */
  look?: string
}

/** For how many milliseconds a step that wants to wait may do so; null when its time is up. */
export function allowedMs({ patience }: Step, { ms, awaits }: Wait, waitedMs: number): number | null {
  if (awaits !== undefined && awaits === patience?.except) return ms
  const restMs = (patience?.ms ?? 0) - waitedMs
  return restMs > 0 ? Math.min(ms, restMs) : null
}

/** Why a run stops whose step has waited in vain: for what, for how long, and what a person can do. */
export function inVain({ title, patience }: Step, { why }: Wait, mayUndo: boolean): AtlasError {
  const waited = inWords(patience?.ms ?? 0)
  const look = patience?.look ? ` ${patience.look}` : ''
  const remedies = `Retry waits for another ${waited}${mayUndo ? '; undo takes back what was done' : ''}.`
  return conflict(`“${title}” was not over after ${waited}. ${why}${look} ${remedies}`)
}

function inWords(ms: number): string {
  const [count, unit] = ms < 2 * HOUR_MS ? [ms / MINUTE_MS, 'minute'] : [ms / HOUR_MS, 'hour']
  const rounded = Math.round(count)
  return rounded === 1 ? unit : `${rounded} ${unit}s`
}
