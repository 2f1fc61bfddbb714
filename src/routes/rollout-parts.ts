import { type FleetView, type RolloutData, RolloutHead, RolloutLegend } from '../../views/admin/rollout'
import { blockId, SQUARES_TOGETHER, SquareBlock } from '../../views/admin/rollout-grid'
import { SQUARES_MAX, Tile } from '../../views/admin/rollout-tiles'
import { WaveHead, type WaveView } from '../../views/admin/rollout-waves'
import type { TargetState } from '../../views/admin/rollout-words'
import type { Html } from '../../views/jsx-runtime'
import type { Reader } from '../db/open'
import { PAGE_SIZE } from '../db/page'
import { changedTargets, fleetNames, fleetStates } from '../rollouts/target-report'
import type { Services } from '../services'
import { rolloutData } from './rollouts-data'
import type { Part } from './route'

// What is changed may carry a time that is a little older than the page that does not show it yet.
const SHOWN_SLACK_MS = 60_000

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
