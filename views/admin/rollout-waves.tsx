import { roughDuration, Time } from '../components/time'
import type { Html } from '../jsx-runtime'
import { isLive, type RolloutStatus, settledOf, type TargetCounts, tenantsWords } from './rollout-words'

/** One wave; times in UTC milliseconds. */
export type WaveView = {
  /** From 0. */
  number: number
  size: number
  counts: TargetCounts
  /** How many failed, whatever became of them since. */
  failed: number
  state: 'waiting' | 'active' | 'baking' | 'done'
  /** Until when it is watched, while it is. */
  bakesUntil: number | null
  /** About how long it still takes; null when nobody can say or it is done. */
  remainingMs: number | null
}

/** How far one wave has come. */
export function WaveHead(props: { wave: WaveView; status: RolloutStatus; now: number }): Html {
  const { wave, status, now } = props
  const { number, size, counts, failed, state } = wave
  const id = `wave-${number}-progress`
  const settled = settledOf(status, counts, size)
  return (
    <div class="progress">
      <h3 id={`wave-${number}-title`}>
        <label for={id}>Wave {number + 1}</label>{' '}
        <span class="muted">
          {tenantsWords(size)}
          {failed > 0 && <span class="figure-warning"> · {failed} failed</span>}
        </span>
      </h3>
      <p class="progress-words muted">
        <span>
          <WaveWords wave={wave} status={status} settled={settled} now={now} />
        </span>
      </p>
      <progress
        id={id}
        class={state === 'baking' ? 'progress-baking' : undefined}
        max={Math.max(1, size)}
        value={settled}
      />
    </div>
  )
}

type WordsProps = { wave: WaveView; status: RolloutStatus; settled: number; now: number }

function WaveWords({ wave, status, settled, now }: WordsProps): Html {
  const { state, size, bakesUntil, remainingMs } = wave
  const left = remainingMs === null ? '' : `, about ${roughDuration(remainingMs)} left`
  if (state === 'waiting') return isLive(status) ? <>not begun{left}</> : <>not reached</>
  if (state === 'done') return <>done</>
  if (state === 'baking') {
    return bakesUntil !== null && bakesUntil > now ? (
      <>
        is watched; goes on <Time at={bakesUntil} now={now} />
      </>
    ) : (
      <>is watched; the last health checks are awaited</>
    )
  }
  return (
    <>
      {settled} of {size}
      {left}
    </>
  )
}
