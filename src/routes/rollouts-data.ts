import type { RolloutData } from '../../views/admin/rollout'
import type { WaveView } from '../../views/admin/rollout-waves'
import type { TargetCounts } from '../../views/admin/rollout-words'
import type { RolloutsData } from '../../views/admin/rollouts'
import { actorName } from '../accounts/actor-name'
import type { Reader } from '../db/open'
import { getRelease } from '../releases/release'
import { usualDeployMs } from '../rollouts/prospect'
import {
  countTargets,
  failuresOf,
  listRollouts,
  ROLLOUT_SORTS,
  type RolloutFilter,
  setAsideOf,
  type TargetCount,
} from '../rollouts/report'
import {
  getRollout,
  isLive,
  latestRollout,
  type RolloutRow,
  type StoredStrategy,
  strategyOf,
} from '../rollouts/rollout'
import type { Services } from '../services'
import { choice, orderOf, searchOf, wanted } from './admin'
import type { Call } from './route'

const CAUSES_SHOWN = 20
const FAILED_SHOWN = 12
const STATUSES = [
  'running',
  'held',
  'going_back',
  'frozen',
  'succeeded',
  'stopped',
  'rolled_back',
  'aborted',
] as const

/** The list of rollouts that a query asks for. */
export function rolloutsData(call: Call): RolloutsData {
  const { db, clock } = call.services
  const filter = rolloutFilter(call)
  const { rows, ...page } = listRollouts(db.read, filter, wanted(call))
  const rollouts = rows.map((row) => ({ ...row, by: actorName(db.read, row.createdBy) }))
  return { rollouts, page, filter, now: clock.now() }
}

/** The filter of rollouts from a query; what is not known is left out. */
export function rolloutFilter(call: Call): RolloutFilter {
  const order = orderOf(call, ROLLOUT_SORTS, { sort: 'begun', dir: 'desc' })
  return { q: searchOf(call), status: choice(call, 'status', STATUSES), ...order }
}

/** What a rollout's page says beside its squares. Throws `not_found`. */
export function rolloutData({ db, clock }: Pick<Services, 'db' | 'clock'>, rolloutId: string): RolloutData {
  const { read } = db
  const rollout = getRollout(read, rolloutId)
  const { tag, notes, migration, backup } = getRelease(read, rollout.releaseId)
  const counts = countTargets(read, rolloutId)
  // How long deploys take is known better the more of them there were.
  const strategy = { ...strategyOf(rollout), deployMs: usualDeployMs(read) }
  const waves = wavesOf(rollout, strategy, counts)
  const bakesUntil = bakeEnd(rollout, strategy)
  const total = sum(counts)
  return {
    ...rollout,
    ...{ tag, notes, migration, backup },
    by: actorName(read, rollout.createdBy),
    waves,
    counts: byState(counts),
    total,
    failed: sum(counts.filter(({ hasFailed }) => hasFailed)),
    stopAt: strategy.stopAt,
    concurrency: strategy.concurrency,
    bakesUntil,
    remainingMs: remainingOf(rollout, strategy, waves, byState(counts), clock.now()),
    failures: failuresOf(read, rolloutId, { causes: CAUSES_SHOWN, tenants: FAILED_SHOWN }),
    setAside: setAsideOf(read, rolloutId),
    can: deedsFor(read, rollout),
    now: clock.now(),
  }
}

/** What can be done to a rollout now. */
function deedsFor(db: Reader, rollout: RolloutRow): RolloutData['can'] {
  const { status } = rollout
  const isLatest = () => latestRollout(db, rollout.blueprint)?.id === rollout.id
  const mayReturn = status !== 'going_back' && status !== 'rolled_back'
  return {
    hold: status === 'running' || status === 'going_back',
    resume: status === 'held' || status === 'frozen',
    abort: isLive(rollout),
    goBack: mayReturn && strategyOf(rollout).canGoBack && isLatest(),
  }
}

/** How many of these targets are in each state. */
export function byState(counts: readonly TargetCount[]): TargetCounts {
  const all: TargetCounts = { ...NOBODY }
  for (const { state, count } of counts) all[state] += count
  return all
}

const NOBODY: TargetCounts = {
  waiting: 0,
  deploying: 0,
  succeeded: 0,
  failed: 0,
  skipped: 0,
  set_aside: 0,
  going_back: 0,
  back: 0,
  stuck: 0,
}

function wavesOf(rollout: RolloutRow, strategy: StoredStrategy, counts: readonly TargetCount[]): WaveView[] {
  // Those that are set aside stand in the last wave, also when nobody else is in any.
  const count = Math.max(strategy.waveCount, ...counts.map(({ wave }) => wave + 1))
  return Array.from({ length: count }, (_, number): WaveView => {
    const mine = counts.filter(({ wave }) => wave === number)
    const states = byState(mine)
    const isForward = rollout.status === 'running' || rollout.status === 'held'
    return {
      number,
      size: sum(mine),
      counts: states,
      failed: sum(mine.filter(({ hasFailed }) => hasFailed)),
      state: stateOf(rollout, number),
      bakesUntil: rollout.wave === number ? bakeEnd(rollout, strategy) : null,
      remainingMs: isForward ? deploysLeftMs(states, number, strategy) || null : null,
    }
  })
}

function stateOf({ wave, waveDoneAt, status }: RolloutRow, number: number): WaveView['state'] {
  if (number < wave || status === 'succeeded') return 'done'
  if (number > wave) return 'waiting'
  return waveDoneAt === null ? 'active' : 'baking'
}

function bakeEnd({ waveDoneAt }: RolloutRow, { bakeMinutes }: StoredStrategy): number | null {
  return waveDoneAt === null ? null : waveDoneAt + bakeMinutes * 60_000
}

/** As the plan reckons: the first wave of several goes one by one, the others as many at a time as may fail. */
function deploysLeftMs({ waiting, deploying }: TargetCounts, wave: number, strategy: StoredStrategy): number {
  const { waveCount, concurrency, stopAt, deployMs } = strategy
  const abreast = wave === 0 && waveCount > 1 ? 1 : Math.min(concurrency, stopAt)
  return Math.ceil((waiting + deploying) / abreast) * deployMs
}

function remainingOf(
  rollout: RolloutRow,
  strategy: StoredStrategy,
  waves: readonly WaveView[],
  { succeeded, going_back }: TargetCounts,
  nowMs: number,
): number | null {
  const { concurrency, deployMs, bakeMinutes } = strategy
  if (rollout.status === 'going_back') return Math.ceil((succeeded + going_back) / concurrency) * deployMs
  if (rollout.status !== 'running') return null
  const bakes = bakeEnd(rollout, strategy)
  const present = bakes === null ? bakeMinutes * 60_000 : Math.max(0, bakes - nowMs)
  const later = waves.length - 1 - rollout.wave
  const deploys = waves.reduce((ms, { remainingMs }) => ms + (remainingMs ?? 0), 0)
  return deploys + present + later * bakeMinutes * 60_000
}

const sum = (counts: readonly TargetCount[]) => counts.reduce((all, { count }) => all + count, 0)
