import { durationWords, roughDuration } from '../components/time'

export type RolloutStatus =
  | 'running'
  | 'held'
  | 'going_back'
  | 'frozen'
  | 'succeeded'
  | 'stopped'
  | 'rolled_back'
  | 'aborted'

/** How one tenant stands in a rollout. */
export type TargetState =
  | 'waiting'
  | 'deploying'
  | 'succeeded'
  | 'failed'
  | 'skipped'
  | 'set_aside'
  | 'going_back'
  | 'back'
  | 'stuck'

export type TargetCounts = Record<TargetState, number>

/** In the order in which the legend has them, each as a line and as what is said of one tenant. */
export const TARGET_STATES: Record<TargetState, { label: string; words: string }> = {
  waiting: { label: 'Waiting', words: 'has not begun' },
  deploying: { label: 'Deploying', words: 'is being deployed' },
  succeeded: { label: 'Has it', words: 'has it' },
  failed: { label: 'Failed', words: 'failed, and is back on its former release' },
  going_back: { label: 'Going back', words: 'is going back' },
  back: { label: 'Went back', words: 'is back on its former release' },
  stuck: { label: 'Stuck', words: 'is stuck: its way back failed, or it has none' },
  skipped: { label: 'Skipped', words: 'was skipped' },
  set_aside: { label: 'Set aside', words: 'is set aside until it returns' },
}

/** What a line of the legend is called; who waits when it has ended gets it no more. */
export const labelOf = (state: TargetState, status: RolloutStatus) =>
  state === 'waiting' && !isLive(status) ? 'Not reached' : TARGET_STATES[state].label

export const isLive = (status: RolloutStatus) =>
  status === 'running' || status === 'held' || status === 'going_back' || status === 'frozen'

/** How many tenants have nothing more to come. */
export function settledOf(status: RolloutStatus, counts: TargetCounts, total: number): number {
  if (status === 'going_back') return total - counts.going_back - counts.succeeded - counts.deploying
  return total - counts.going_back - counts.waiting - counts.deploying
}

type RolloutLike = {
  status: RolloutStatus
  tag: string
  reason: string | null
  /** From 0. */
  wave: number
  waves: readonly unknown[]
  counts: TargetCounts
  failed: number
  /** Until when the present wave is watched; null when it is not. */
  bakesUntil: number | null
  createdAt: number
  finishedAt: number | null
}

/** Where a rollout stands, in one sentence for the operator. */
export function rolloutSentence(rollout: RolloutLike, now: number): string {
  const { status, tag, counts, failed, wave, waves, bakesUntil, reason } = rollout
  const took = durationWords((rollout.finishedAt ?? now) - rollout.createdAt)
  const place = `wave ${wave + 1} of ${waves.length}`
  switch (status) {
    case 'running':
      if (bakesUntil === null) return `Deploying ${place}.`
      return bakesUntil > now
        ? `The tenants of ${place} have it; they are watched for about ${roughDuration(bakesUntil - now)} more.`
        : `The tenants of ${place} have it; the last health checks are awaited.`
    case 'held':
      return `Held at ${place}: nothing more is begun until somebody resumes it.`
    case 'going_back':
      return `Going back: ${tenantsWords(counts.going_back + counts.succeeded)} left to take back.`
    case 'frozen':
      return 'Frozen: a tenant is stuck, so nobody else is touched until you have looked.'
    case 'succeeded':
      return `${tenantsWords(counts.succeeded)} got ${tag} in ${took}${failed > 0 ? `, and ${failed} did not` : ''}.`
    case 'stopped':
      return `Stopped after ${took}. ${reason ?? ''}`.trim()
    case 'rolled_back':
      return `Taken back after ${took}: nobody runs ${tag} because of it any more.`
    case 'aborted':
      return `Aborted after ${took}: ${tenantsWords(counts.succeeded)} kept ${tag}.`
  }
}

export const tenantsWords = (count: number) =>
  count === 1 ? '1 tenant' : `${new Intl.NumberFormat('en-US').format(count)} tenants`
