import { Time } from '../components/time'
import type { Html } from '../jsx-runtime'

/** What is used of one of the clouds' limits; time in UTC milliseconds. */
export type QuotaView = {
  /** 'Servers at Hetzner'. */
  label: string
  used: number
  /** Null while nobody has said how many there may be. */
  capacity: number | null
  checkedAt: number
}

export type QuotasData = { quotas: QuotaView[]; queue: number }

const WARNED_FROM = 0.8

/** How much is left of what the clouds allow, and how many new sites wait for room. */
export function Quotas({ quotas, queue, now }: QuotasData & { now: number }): Html | null {
  if (quotas.length === 0 && queue === 0) return null
  return (
    <section class="block" aria-labelledby="quotas-title">
      <h2 id="quotas-title">Room at the clouds</h2>
      <dl class="figures figures-four">
        {quotas.map((quota) => (
          <Quota quota={quota} now={now} />
        ))}
        <div class="figure">
          <dt>New sites in the queue</dt>
          <dd>
            {NUMBER.format(queue)}{' '}
            <span class={['figure-note', queue > 0 && 'figure-warning']}>
              {queue > 0 ? 'until a server becomes free' : 'nobody waits'}
            </span>
          </dd>
        </div>
      </dl>
    </section>
  )
}

function Quota({ quota, now }: { quota: QuotaView; now: number }): Html {
  const { label, used, capacity, checkedAt } = quota
  return (
    <div class="figure">
      <dt>{label}</dt>
      <dd>
        {NUMBER.format(used)}{' '}
        {capacity !== null && <span class="figure-note">of {NUMBER.format(capacity)}</span>}{' '}
        <span class={['figure-note', isNearlyUsed(quota) && 'figure-warning']}>
          {capacity === null ? 'limit not set' : `${percent(used, capacity)} %`}
        </span>{' '}
        <span class="figure-note">
          counted <Time at={checkedAt} now={now} />
        </span>
      </dd>
    </div>
  )
}

const isNearlyUsed = ({ used, capacity }: QuotaView) => capacity !== null && used >= WARNED_FROM * capacity

const percent = (used: number, capacity: number) => Math.round((100 * used) / capacity)

const NUMBER = new Intl.NumberFormat('en-US')
