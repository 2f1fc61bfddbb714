import type { Html } from '../jsx-runtime'

export type SignupStatus = 'pending' | 'paid' | 'provisioning' | 'active' | 'failed' | 'refunded' | 'expired'
export type TenantStatus = 'provisioning' | 'active' | 'suspended' | 'failed' | 'deleting' | 'deleted'
export type RunStatus = 'queued' | 'running' | 'waiting' | 'succeeded' | 'failed' | 'cancelled'
export type EffectOutcome = 'intended' | 'done' | 'refused' | 'unknown'
export type HealthWord = 'healthy' | 'failing' | 'down' | 'unchecked'
export type MoneyWord = 'unpaid'
export type BackupStatus = 'running' | 'complete' | 'failed' | 'removed'
type RolloutStatus =
  | 'running'
  | 'held'
  | 'going_back'
  | 'frozen'
  | 'succeeded'
  | 'stopped'
  | 'rolled_back'
  | 'aborted'
type TargetState = 'deploying' | 'skipped' | 'set_aside' | 'back' | 'stuck'

type Tone = 'good' | 'busy' | 'attention' | 'bad' | 'quiet'
type Status =
  | (SignupStatus | TenantStatus | RunStatus | EffectOutcome | HealthWord | MoneyWord | BackupStatus)
  | (RolloutStatus | TargetState)

const TONES: Record<Status, Tone> = {
  pending: 'quiet',
  paid: 'attention',
  provisioning: 'busy',
  active: 'good',
  failed: 'bad',
  refunded: 'quiet',
  expired: 'quiet',
  suspended: 'attention',
  deleting: 'busy',
  deleted: 'quiet',
  queued: 'quiet',
  running: 'busy',
  waiting: 'busy',
  succeeded: 'good',
  cancelled: 'quiet',
  complete: 'good',
  removed: 'quiet',
  intended: 'busy',
  done: 'good',
  refused: 'bad',
  unknown: 'attention',
  healthy: 'good',
  failing: 'attention',
  down: 'bad',
  unchecked: 'quiet',
  held: 'attention',
  going_back: 'attention',
  frozen: 'bad',
  stopped: 'bad',
  rolled_back: 'attention',
  aborted: 'quiet',
  deploying: 'busy',
  skipped: 'quiet',
  set_aside: 'quiet',
  back: 'attention',
  stuck: 'bad',
  unpaid: 'attention',
}

/** Where the word that is stored is not the one that a person would say. */
const WORDS: Partial<Record<Status, string>> = { intended: 'asked' }

/** A status in words on a coloured ground; the words alone carry the meaning. */
export function Badge({ status }: { status: Status }): Html {
  return (
    <span class={['badge', `badge-${TONES[status]}`]}>
      <span class="badge-dot" aria-hidden="true" />
      {WORDS[status] ?? status.replaceAll('_', ' ')}
    </span>
  )
}
