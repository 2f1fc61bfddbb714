import type { Child, Html } from '../jsx-runtime'
import { Check, Cross, Pause, Undone } from './icons'

export type RailState = 'done' | 'active' | 'paused' | 'waiting' | 'failed' | 'undone'

const WORDS: Record<RailState, string> = {
  done: 'done',
  active: 'in progress',
  paused: 'waiting',
  waiting: 'not started',
  failed: 'failed',
  undone: 'undone',
}

/** Stages one under the other along a line: what has happened, what is happening, what comes. */
export function Rail({ label, children }: { label?: string; children?: Child }): Html {
  return (
    <ol class="rail" aria-label={label}>
      {children}
    </ol>
  )
}

/** One stage; `aside` holds its time. */
export function RailItem(props: { state: RailState; title: string; aside?: Child; children?: Child }): Html {
  return (
    <li
      class={['rail-item', `rail-${props.state}`]}
      aria-current={props.state === 'active' ? 'step' : undefined}
    >
      <span class="rail-node" aria-hidden="true">
        <RailSign state={props.state} />
      </span>
      <div class="rail-body">
        <div class="rail-head">
          <p class="rail-title">
            {props.title} <span class="visually-hidden">({WORDS[props.state]})</span>
          </p>
          {props.aside && <p class="rail-aside">{props.aside}</p>}
        </div>
        {props.children}
      </div>
    </li>
  )
}

function RailSign({ state }: { state: RailState }): Html | null {
  if (state === 'done') return <Check />
  if (state === 'failed') return <Cross />
  if (state === 'paused') return <Pause />
  if (state === 'undone') return <Undone />
  return null
}
