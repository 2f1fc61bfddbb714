import { and, desc, eq } from 'drizzle-orm'
import type { Reader } from '../db/open'
import { runs } from '../db/schema'
import { stepsOf } from '../runs/steps'
import type { PlanChange } from './plan-choice'

const LOOKED_AT = 20

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
const RESTART = ['deliver-settings', 'start-app', 'check-health'] as const

/**
 * For how many minutes visitors of a tenant get no answer while its plan changes: the median of what the latest
 * changes of the same kind took, or what is usual while there were none.
 */
export function downtimeMinutes(db: Reader, change: Pick<PlanChange, 'serverType' | 'formerType'>): number {
  const isSame = change.serverType === change.formerType
  const usual = isSame ? RESTART.map((name) => USUALLY_MS[name]) : Object.values(USUALLY_MS)
  const measured = downtimesMs(db, isSame).sort((a, b) => a - b)
  const ms = measured[Math.floor(measured.length / 2)] ?? usual.reduce((sum, part) => sum + part, 0)
  return Math.max(1, Math.ceil(ms / 60_000))
}

/** How long the latest changes that went well took, from the first step that visitors notice to the last. */
function downtimesMs(db: Reader, isSame: boolean): number[] {
  const wentWell = and(eq(runs.kind, 'change-plan'), eq(runs.status, 'succeeded'))
  const latest = db.select().from(runs).where(wentWell).orderBy(desc(runs.createdAt)).limit(LOOKED_AT).all()
  return latest.flatMap(({ id, input }) => {
    const { serverType, formerType } = JSON.parse(input) as PlanChange
    if ((serverType === formerType) !== isSame) return []
    const steps = stepsOf(db, id)
    const began = steps.find(({ name }) => name === (isSame ? 'deliver-settings' : 'stop-app'))?.startedAt
    const ended = steps.find(({ name }) => name === 'check-health')?.finishedAt
    return began && ended ? [ended - began] : []
  })
}
