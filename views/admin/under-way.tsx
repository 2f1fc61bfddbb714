import { Badge } from '../components/badge'
import type { Html } from '../jsx-runtime'
import type { RolloutStatus } from './rollout-words'

/** A rollout that is at work. */
export type RolloutUnderWay = {
  id: string
  tag: string
  status: RolloutStatus
  /** How many tenants have nothing more to come, of all. */
  settled: number
  total: number
  failed: number
}

/** The rollouts that are at work now, and how far they have come. */
export function UnderWay({ rollouts }: { rollouts: RolloutUnderWay[] }): Html | null {
  if (rollouts.length === 0) return null
  return (
    <section class="block" aria-labelledby="under-way-title">
      <h2 id="under-way-title">Under way</h2>
      <ul class="needs plain">
        {rollouts.map((rollout) => (
          <Line rollout={rollout} />
        ))}
      </ul>
    </section>
  )
}

function Line({ rollout }: { rollout: RolloutUnderWay }): Html {
  const { id, tag, status, settled, total, failed } = rollout
  return (
    <li class="need">
      <div class="need-body progress">
        <p class="progress-words">
          <label for={`under-way-${id}`}>
            <Badge status={status} /> <strong>Rollout of {tag}</strong>
          </label>
          <span class="muted">
            {NUMBER.format(settled)} of {NUMBER.format(total)} {total === 1 ? 'tenant' : 'tenants'}
            {failed > 0 && <span class="figure-warning"> · {NUMBER.format(failed)} failed</span>}
          </span>
        </p>
        <progress id={`under-way-${id}`} max={Math.max(1, total)} value={settled} />
      </div>
      <div class="need-actions">
        <a class="button button-quiet" href={`/admin/rollouts/${id}`}>
          Watch<span class="visually-hidden"> the rollout of {tag}</span>
        </a>
      </div>
    </li>
  )
}

const NUMBER = new Intl.NumberFormat('en-US')
