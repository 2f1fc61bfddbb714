import { type FleetView, type RolloutData, RolloutHead, RolloutLegend } from '../../views/admin/rollout'
import { blockId, SQUARES_TOGETHER, SquareBlock } from '../../views/admin/rollout-grid'
import { SQUARES_MAX, Tile } from '../../views/admin/rollout-tiles'
import { WaveHead, type WaveView } from '../../views/admin/rollout-waves'
import type { TargetCounts, TargetState } from '../../views/admin/rollout-words'
import type { RolloutsData } from '../../views/admin/rollouts'
import type { Html } from '../../views/jsx-runtime'
import { actorName } from '../accounts/actor-name'
import type { Reader } from '../db/open'
import { PAGE_SIZE } from '../db/page'
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
import { changedTargets, fleetNames, fleetStates } from '../rollouts/target-report'
import type { Services } from '../services'
import { choice, orderOf, searchOf, wanted } from './admin'
import type { Call, Part } from './route'

const CAUSES_SHOWN = 20
const FAILED_SHOWN = 12
// What is changed may carry a time that is a little older than the page that does not show it yet.
const SHOWN_SLACK_MS = 60_000
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

/** Each wave's tenants, as they are drawn. */
export function rolloutFleet(db: Reader, { id, waves, total }: RolloutData): FleetView {
  const states = fleetStates(db, id)
  const blocks = blocksOf(waves)
  if (total > SQUARES_MAX) {
    const tileOf = ({ from, before }: Block) => ({
      from,
      states: states.slice(from, before),
      page: Math.floor(from / PAGE_SIZE) + 1,
    })
    return { tiles: blocks.map((wave) => wave.map(tileOf)) }
  }
  const names = fleetNames(db, id, 0, states.length)
  const blockOf = ({ from, before }: Block) => ({
    from,
    names: names.slice(from, before),
    states: states.slice(from, before),
  })
  return { squares: blocks.map((wave) => wave.map(blockOf)) }
}

/** Everything on a rollout's page that follows along, small enough to be sent when it changes. */
export function rolloutParts(services: Services, rolloutId: string): Part[] {
  const data = rolloutData(services, rolloutId)
  const { read } = services.db
  const states = fleetStates(read, rolloutId)
  return [
    drawn('rollout-head', RolloutHead(data)),
    drawn('rollout-legend', RolloutLegend(data)),
    ...data.waves.map((wave) =>
      drawn(`wave-${wave.number}`, WaveHead({ wave, status: data.status, now: data.now })),
    ),
    ...blocksOf(data.waves).flatMap((blocks) =>
      blocks.map((block) => {
        const mine = states.slice(block.from, block.before)
        return data.total > SQUARES_MAX ? tilePart(block, mine) : blockPart(read, rolloutId, block, mine)
      }),
    ),
  ]
}

/** Which parts a reader has already who was shown the page at `sinceMs`: the blocks that nothing has changed in. */
export function partsShown(services: Services, rolloutId: string, sinceMs: number): (part: Part) => boolean {
  const { waves } = rolloutData(services, rolloutId)
  const changed = changedTargets(services.db.read, rolloutId, sinceMs - SHOWN_SLACK_MS)
  const isAsShown = ({ from, before }: Block) => {
    for (let position = from; position < before; position++) if (changed.has(position)) return false
    return true
  }
  const shown = new Set(blocksOf(waves).flatMap((blocks) => blocks.filter(isAsShown).map(blockId)))
  return ({ id }) => shown.has(id)
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

function drawn(id: string, html: Html): Part {
  return { id, mark: html.toString(), draw: () => html }
}

/** Squares from one position up to before another one, all of one wave. */
type Block = { from: number; before: number }

/** The blocks of each wave: waves follow one another in the rollout's order. */
function blocksOf(waves: readonly WaveView[]): Block[][] {
  let next = 0
  return waves.map(({ size }) => {
    const first = next
    next += size
    return Array.from({ length: Math.ceil(size / SQUARES_TOGETHER) }, (_, number) => {
      const from = first + number * SQUARES_TOGETHER
      return { from, before: Math.min(next, from + SQUARES_TOGETHER) }
    })
  })
}

function tilePart(block: Block, states: TargetState[]): Part {
  return { id: blockId(block), mark: states.join(), draw: () => Tile({ states }) }
}

function blockPart(db: Reader, rolloutId: string, block: Block, states: TargetState[]): Part {
  const names = () => fleetNames(db, rolloutId, block.from, block.before)
  return {
    id: blockId(block),
    mark: states.join(),
    draw: () => SquareBlock({ from: block.from, names: names(), states }),
  }
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
