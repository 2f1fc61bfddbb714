import type { Html } from '../jsx-runtime'
import { type BlockView, blockId, SIGNS } from './rollout-grid'
import { TARGET_STATES, type TargetState } from './rollout-words'

/** A fleet with more tenants than this is drawn in tiles: a square for each would be 60,000 elements for 10,000. */
export const SQUARES_MAX = 1_000

const SIDE = 10

export type TileView = Pick<BlockView, 'from' | 'states'> & {
  /** The page of the list of tenants on which the first of them stands. */
  page: number
}

/** One wave of a large fleet, a tile for each hundred tenants, which leads to their list. */
export function Tiles({ path, tiles }: { path: string; tiles: readonly TileView[] }): Html {
  return (
    <div class="tiles">
      {tiles.map((tile) => (
        <a id={blockId(tile)} href={`${path}?page=${tile.page}`}>
          <Tile states={tile.states} />
        </a>
      ))}
    </div>
  )
}

/** What a tile shows, one shape for each state in it; this is kept up to date by itself. */
export function Tile({ states }: { states: readonly TargetState[] }): Html {
  const places = Map.groupBy(states.keys(), (place) => states[place]!)
  const isBad = places.has('failed') || places.has('stuck')
  const lines = Math.ceil(states.length / SIDE)
  const words = [...places].map(([state, all]) => `${TARGET_STATES[state].label} ${all.length}`)
  return (
    <>
      <svg class={isBad ? 'tile-bad' : undefined} viewBox={`0 0 ${SIDE} ${lines}`} aria-hidden="true">
        {[...places].map(([state, all]) => (
          <path class={SIGNS[state]} d={shapeOf(all)} />
        ))}
      </svg>
      <b>{words.join(', ')}</b>
    </>
  )
}

/** The squares at some places, line by line; those that stand side by side are one piece. */
function shapeOf(places: readonly number[]): string {
  const pieces: { place: number; length: number }[] = []
  for (const place of places) {
    const last = pieces.at(-1)
    const goesOn = last && last.place + last.length === place && place % SIDE !== 0
    if (goesOn) last.length += 1
    else pieces.push({ place, length: 1 })
  }
  return pieces
    .map(({ place, length }) => `M${place % SIDE} ${Math.floor(place / SIDE)}h${length}v1h-${length}z`)
    .join('')
}
