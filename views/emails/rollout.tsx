import { durationWords } from '../components/time'
import { composeEmail, type Email } from './email'

export type RolloutNewsProps = {
  /** The release's tag. */
  tag: string
  outcome: 'succeeded' | 'rolled_back' | 'stopped' | 'aborted' | 'frozen' | 'held'
  /** Whether the former release lives with what this one does to the data. */
  canGoBack: boolean
  /** Why it did not go on, as a sentence or two. */
  reason: string | null
  /** How many tenants run the release now, are back at their former one, failed, and were set aside. */
  counts: { running: number; back: number; failed: number; setAside: number }
  /** Some of those that failed, with the reason of each. */
  failures: { name: string; reason: string }[]
  tookMs: number
  url: string
  /** The colour of the dashboard that it opens, `#rgb` or `#rrggbb`. */
  accent: string
}

/** To the operator: a rollout has ended, or waits for a person. */
export function rolloutNews(news: RolloutNewsProps): Email {
  const { tag, outcome, canGoBack, reason, counts, failures, tookMs, url, accent } = news
  const title = `${tag} ${ENDED[outcome]}`
  const more = counts.failed - failures.length
  return composeEmail({
    subject: `Atlas: ${title}`,
    title,
    from: 'Atlas',
    accent,
    blocks: [
      ...(reason ? [{ kind: 'paragraph' as const, text: reason }] : []),
      { kind: 'paragraph', text: `${standing(tag, counts)} It took ${durationWords(tookMs)} until now.` },
      ...(failures.length > 0
        ? [{ kind: 'facts' as const, facts: failures.map(({ name, reason }) => ({ name, value: reason })) }]
        : []),
      ...(more > 0 ? [{ kind: 'note' as const, text: `And ${more} more.` }] : []),
      { kind: 'paragraph', text: outcome === 'frozen' && !canGoBack ? NO_WAY_BACK : NEXT[outcome] },
      { kind: 'link', label: 'Open the rollout', url },
    ],
  })
}

const ENDED: Record<RolloutNewsProps['outcome'], string> = {
  succeeded: 'is rolled out',
  rolled_back: 'was taken back',
  stopped: 'was stopped',
  aborted: 'was aborted',
  frozen: 'is frozen half-way',
  held: 'waits for you',
}

const NEXT: Record<RolloutNewsProps['outcome'], string> = {
  succeeded: 'Nothing needs you.',
  rolled_back:
    'Each square on its page leads to the log of its tenant. Mend the release, give it another tag, and roll that out.',
  stopped:
    'There is no way back from this release. Mend it, give it another tag, and roll that out; or restore the backups that were made before it.',
  aborted: 'Every tenant stays as it is now. Roll a release out, or take this one back, when you know more.',
  frozen:
    'Nobody knows what runs at the tenants whose way back failed. Look at their runs, retry or undo them; then resume the rollout, or abort it.',
  held: 'Nothing goes on before you resume it or take it back.',
}

const NO_WAY_BACK =
  'The backups that were made before this release are the only way back from it. Retry the runs that failed, then resume the rollout. Where that can’t help, or a tenant was found down later, abort it; then restore a backup, or roll out a release that mends it.'

function standing(tag: string, { running, back, setAside }: RolloutNewsProps['counts']): string {
  const parts = [
    `${tenants(running)} now ${running === 1 ? 'runs' : 'run'} ${tag}`,
    ...(back > 0 ? [`${back} went back to what they ran before`] : []),
    ...(setAside > 0 ? [`${setAside} were set aside`] : []),
  ]
  return `${parts.join(', ')}.`
}

const tenants = (count: number) => (count === 1 ? '1 tenant' : `${count} tenants`)
