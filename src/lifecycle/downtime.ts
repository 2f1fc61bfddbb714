import type { Reader } from '../db/open'
import { spanMs, usualMs } from '../runs/durations'
import type { RunRow } from '../runs/run'
import type { PlanChange } from './plan-choice'

/** How long each step of a change of plan usually takes, until this installation has seen its own. Milliseconds. */
const USUALLY_MS = {
  'stop-app': 10_000,
  'power-off': 30_000,
  'change-type': 90_000,
  'power-on': 30_000,
  'wait-for-agent': 40_000,
  'deliver-settings': 5_000,
  'start-app': 30_000,
  'check-health': 10_000,
}
const USUAL_MOVE_MS = 180_000
const RESTART = ['deliver-settings', 'start-app', 'check-health'] as const

/**
 * For how many minutes visitors of a tenant get no answer while its plan changes: the median of what the latest
 * changes of the same kind took, or what is usual while there were none.
 */
export function downtimeMinutes(db: Reader, change: Pick<PlanChange, 'serverType' | 'formerType'>): number {
  const isSame = change.serverType === change.formerType
  const usual = isSame ? RESTART.map((name) => USUALLY_MS[name]) : Object.values(USUALLY_MS)
  const isMeant = ({ input }: RunRow) => {
    const { serverType, formerType } = JSON.parse(input) as PlanChange
    return (serverType === formerType) === isSame
  }
  const from = isSame ? 'deliver-settings' : 'stop-app'
  const took = (run: RunRow) => (isMeant(run) ? spanMs(db, run.id, from, 'check-health') : null)
  return inMinutes(usualMs(db, 'change-plan', took) ?? usual.reduce((sum, part) => sum + part, 0))
}

/** For how many minutes visitors wait while a tenant moves: the median of the latest moves, or what is usual. */
export function moveMinutes(db: Reader): number {
  const took = ({ id }: RunRow) => spanMs(db, id, 'stop-old-app', 'check-health')
  return inMinutes(usualMs(db, 'move', took) ?? USUAL_MOVE_MS)
}

function inMinutes(ms: number): number {
  return Math.max(1, Math.ceil(ms / 60_000))
}
