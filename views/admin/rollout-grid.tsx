import type { Html } from '../jsx-runtime'
import {
  isLive,
  labelOf,
  type RolloutStatus,
  TARGET_STATES,
  type TargetCounts,
  type TargetState,
} from './rollout-words'

/** As many squares as are sent together when one of them changes. */
export const SQUARES_TOGETHER = 100

/** Squares that stand together in the page, in an element of their own. */
export type BlockView = {
  /** The place of its first square in the rollout's order. */
  from: number
  /** The tenants' names and their states, in that order. */
  names: readonly string[]
  states: readonly TargetState[]
}

/** The element that holds a block. */
export const blockId = ({ from }: Pick<BlockView, 'from'>) => `squares-${from}`

/** One letter a square: with a thousand of them every byte counts. */
export const SIGNS: Record<TargetState, string> = {
  waiting: 'w',
  deploying: 'd',
  succeeded: 's',
  failed: 'f',
  skipped: 'k',
  set_aside: 'a',
  going_back: 'g',
  back: 'b',
  stuck: 'x',
}

/** One wave's tenants, each a square that leads to its log, by the page's own address with `?target=`. */
export function Squares({ blocks }: { blocks: readonly BlockView[] }): Html {
  return (
    <div class="squares">
      {blocks.map((block) => (
        <div class="squares-block" id={blockId(block)}>
          <SquareBlock {...block} />
        </div>
      ))}
    </div>
  )
}

/** The fragment that is kept up to date by itself. */
export function SquareBlock({ from, names, states }: BlockView): Html {
  return (
    <>
      {states.map((state, at) => (
        <a class={SIGNS[state]} href={`?target=${from + at}`}>
          <b>{`${names[at]} ${TARGET_STATES[state].words}`}</b>
        </a>
      ))}
    </>
  )
}

/** What the squares mean, and how many there are of each; each leads to the list of those tenants. */
export function Legend(props: { path: string; counts: TargetCounts; status: RolloutStatus }): Html {
  const { path, counts, status } = props
  const shown = (Object.keys(TARGET_STATES) as TargetState[]).filter(
    (state) => counts[state] > 0 || (isLive(status) && ALWAYS.includes(state)),
  )
  return (
    <ul class="plain legend" aria-label="What the squares mean">
      {shown.map((state) => (
        <li>
          <span class={['square', SIGNS[state]]} aria-hidden="true" />
          <a href={`${path}?state=${state}`}>
            {labelOf(state, status)} <span class="muted">{NUMBER.format(counts[state])}</span>
          </a>
        </li>
      ))}
    </ul>
  )
}

const ALWAYS: TargetState[] = ['waiting', 'deploying', 'succeeded', 'failed']
const NUMBER = new Intl.NumberFormat('en-US')
