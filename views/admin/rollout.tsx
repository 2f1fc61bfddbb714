import { Badge } from '../components/badge'
import { Live } from '../components/live'
import { Notice } from '../components/notice'
import { listHref } from '../components/pager'
import { roughDuration, Time } from '../components/time'
import type { Html } from '../jsx-runtime'
import { AdminHeading, AdminPage, type Operator } from '../layout/admin-page'
import { type FailureGroup, Failures } from './rollout-failures'
import { type BlockView, Legend, Squares } from './rollout-grid'
import { Tiles, type TileView } from './rollout-tiles'
import { WaveHead, type WaveView } from './rollout-waves'
import { isLive, type RolloutStatus, rolloutSentence, settledOf, type TargetCounts } from './rollout-words'

/** A rollout without its squares; times in UTC milliseconds. */
export type RolloutData = {
  id: string
  blueprint: string
  tag: string
  notes: string
  migration: 'none' | 'reversible' | 'expand' | 'contract'
  backup: boolean
  status: RolloutStatus
  reason: string | null
  /** Who began it, in words. */
  by: string
  createdAt: number
  finishedAt: number | null
  /** The present one, from 0. */
  wave: number
  waves: WaveView[]
  counts: TargetCounts
  total: number
  /** How many failed, whatever became of them since. */
  failed: number
  /** It stops at so many failures. */
  stopAt: number
  concurrency: number
  bakesUntil: number | null
  /** About how long it still takes; null when nobody can say. */
  remainingMs: number | null
  failures: FailureGroup[]
  /** Why tenants are set aside, and how many each. */
  setAside: { reason: string; count: number }[]
  can: { hold: boolean; resume: boolean; abort: boolean; goBack: boolean }
  now: number
}

export type RolloutProps = RolloutData & {
  operator: Operator
  eventsUrl: string
  fleet: FleetView
  /** Why what was asked for was refused. */
  problem?: string
}

/** Each wave's tenants: a square each, or a tile for each hundred of a large fleet. */
export type FleetView = { squares: BlockView[][] } | { tiles: TileView[][] }

/** One rollout: where it stands, what failed and why, and the whole fleet at a glance. */
export function RolloutPage({ operator, eventsUrl, fleet, problem, ...rollout }: RolloutProps): Html {
  return (
    <AdminPage operator={operator} section="rollouts" title={`Rollout of ${rollout.tag}`}>
      {problem && <Notice tone="bad" title={problem} />}
      <Live eventsUrl={eventsUrl}>
        <div id="rollout-head">
          <RolloutHead {...rollout} />
        </div>
        <section class="block" aria-labelledby="fleet-title">
          <h2 id="fleet-title">Fleet</h2>
          <a class="skip-squares" href="#after-squares">
            Skip the squares
          </a>
          <div id="rollout-legend">
            <RolloutLegend {...rollout} />
          </div>
          {rollout.waves.map((wave, number) => (
            <section class="wave" aria-labelledby={`wave-${number}-title`}>
              <div id={`wave-${number}`}>
                <WaveHead wave={wave} status={rollout.status} now={rollout.now} />
              </div>
              <Wave id={rollout.id} fleet={fleet} number={number} />
            </section>
          ))}
          <div id="after-squares" tabindex={-1} />
        </section>
      </Live>
    </AdminPage>
  )
}

function Wave({ id, fleet, number }: { id: string; fleet: FleetView; number: number }): Html {
  if ('squares' in fleet) return <Squares blocks={fleet.squares[number] ?? []} />
  return <Tiles path={`/admin/rollouts/${id}/targets`} tiles={fleet.tiles[number] ?? []} />
}

/** The fragment above the squares. */
export function RolloutHead(rollout: RolloutData): Html {
  const { status, tag, now } = rollout
  return (
    <>
      <AdminHeading
        title={`Rollout of ${tag}`}
        badge={<Badge status={status} />}
        back={{ href: '/admin/rollouts', label: 'Rollouts' }}
      >
        <RolloutActions {...rollout} />
      </AdminHeading>
      <p class="run-sentence" role="status">
        {rolloutSentence(rollout, now)}
      </p>
      <RolloutFacts {...rollout} />
      <Reason {...rollout} />
      <Overall {...rollout} />
      <Failures rollout={rollout} groups={rollout.failures} />
      <SetAside {...rollout} />
    </>
  )
}

function Reason({ status, reason, failures, blueprint }: RolloutData): Html | null {
  const hasFailed = failures.length > 0 && (status === 'rolled_back' || status === 'stopped')
  // The sentence above has said why it stopped.
  const title = status === 'stopped' ? 'What comes next' : reason
  if (!title || (status === 'stopped' && !hasFailed)) return null
  return (
    <Notice tone={status === 'running' || status === 'succeeded' ? 'info' : 'bad'} title={title}>
      {hasFailed && (
        <p>
          The logs below say why. When it is mended,{' '}
          <a href={deployPath(blueprint)}>deploy the next release</a>.
        </p>
      )}
    </Notice>
  )
}

const deployPath = (blueprint: string) => listHref('/admin/deploy', { blueprint })

/** The legend above the squares. */
export function RolloutLegend({ id, counts, status }: RolloutData): Html {
  return <Legend path={`/admin/rollouts/${id}/targets`} counts={counts} status={status} />
}

function RolloutActions({ id, tag, can }: RolloutData): Html {
  const path = `/admin/rollouts/${id}`
  return (
    <>
      {can.hold && <Post to={`${path}/hold`} label="Hold" tone="button-quiet" />}
      {can.resume && <Post to={`${path}/resumption`} label="Resume" tone="button-primary" />}
      {can.abort && (
        <a class="button button-danger" href={`${path}/abortion`}>
          Abort…
        </a>
      )}
      {can.goBack && (
        <a class="button button-danger" href={`${path}/way-back`}>
          Roll back…<span class="visually-hidden"> everybody from {tag}</span>
        </a>
      )}
    </>
  )
}

function Post({ to, label, tone }: { to: string; label: string; tone: string }): Html {
  return (
    <form method="post" action={to}>
      <button class={['button', tone]} type="submit">
        {label}
      </button>
    </form>
  )
}

/** Who holds the fleet, and since when; afterwards who did. */
function RolloutFacts({ id, blueprint, by, status, createdAt, now, ...rollout }: RolloutData): Html {
  return (
    <>
      <p class="muted run-facts">
        {isLive(status) ? (
          <>
            Holds the fleet of {blueprint} for {by}, begun <Time at={createdAt} now={now} />
          </>
        ) : (
          <>
            To the fleet of {blueprint}, by {by}, begun <Time at={createdAt} now={now} />
          </>
        )}{' '}
        · {MIGRATIONS[rollout.migration]}
        {rollout.backup && ', with a backup of each tenant first'} · <code>{id}</code>
      </p>
      {rollout.notes && <p class="release-notes">{rollout.notes}</p>}
    </>
  )
}

const MIGRATIONS = {
  none: 'leaves the data as it is',
  reversible: 'its migration can be taken back',
  expand: 'its migration only adds',
  contract: 'has no way back',
}

function Overall(rollout: RolloutData): Html {
  const { counts, total, failed, wave, waves, stopAt, remainingMs, status } = rollout
  const isCanary = wave === 0 && waves.length > 1
  const settled = settledOf(status, counts, total)
  return (
    <div class="progress block">
      <p class="progress-words">
        <label for="rollout-progress">
          {NUMBER.format(settled)} of {NUMBER.format(total)} tenants
        </label>
        <span>
          {failed > 0 && <span class="figure-warning">{NUMBER.format(failed)} failed</span>}
          <span class="muted">
            {failed > 0 && status === 'running' && ' · '}
            {status === 'running' &&
              `stops at ${isCanary || stopAt === 1 ? 'the first failure' : `${NUMBER.format(stopAt)} failures`}`}
            {remainingMs !== null && ` · about ${roughDuration(remainingMs)} left`}
          </span>
        </span>
      </p>
      <progress id="rollout-progress" max={Math.max(1, total)} value={settled} />
    </div>
  )
}

function SetAside({ id, setAside }: RolloutData): Html | null {
  if (setAside.length === 0) return null
  return (
    <section class="block" aria-labelledby="aside-title">
      <h2 id="aside-title">Set aside</h2>
      <p class="block-lead muted">
        They are brought up to date when they return.{' '}
        <a href={`/admin/rollouts/${id}/targets?state=set_aside`}>See who</a>
      </p>
      <ul class="plain causes">
        {setAside.map(({ reason, count }) => (
          <li>
            <strong>{NUMBER.format(count)}</strong> {reason}
          </li>
        ))}
      </ul>
    </section>
  )
}

const NUMBER = new Intl.NumberFormat('en-US')
