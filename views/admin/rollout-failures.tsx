import type { Html } from '../jsx-runtime'
import { tenantsWords } from './rollout-words'

/** Tenants that failed for the same reason. */
export type FailureGroup = {
  /** Which part of the deploy failed; null when nobody knows. */
  part: string | null
  reason: string
  count: number
  /** The first of them; `runId` leads to its log. */
  tenants: { id: string; subdomain: string; runId: string | null }[]
}

const PARTS: Record<string, string> = {
  reach: 'Reaching the server',
  'back-up': 'The backup before it',
  space: 'Room on the disk',
  pull: 'Pulling the image',
  migrate: 'The migration',
  switch: 'Starting the app',
  health: 'Health',
  smoke: 'The smoke check',
  outside: 'The look from outside',
  refused: 'Refused by the server',
  lost: 'Lost on the way',
  later: 'Found down later',
}

/** What a part of a deploy is called. */
export const partWords = (part: string | null): string => (part && PARTS[part]) || 'Something else'

/** What failed, the most frequent cause first, and the logs that say more. */
export function Failures(props: { rollout: { id: string }; groups: FailureGroup[] }): Html | null {
  if (props.groups.length === 0) return null
  return (
    <section class="block" aria-labelledby="failures-title">
      <h2 id="failures-title">What failed</h2>
      <ul class="plain needs">
        {props.groups.map((group) => (
          <li class="need need-bad">
            <div class="need-body">
              <p>
                <strong>{partWords(group.part)}</strong>{' '}
                <span class="muted">at {tenantsWords(group.count)}</span>
              </p>
              <p class="effect-error">{group.reason}</p>
              <p class="causes-tenants">
                {group.tenants.map(({ id, subdomain, runId }) => (
                  <>
                    <a href={runId ? `/admin/runs/${runId}` : `/admin/tenants/${id}`}>
                      {subdomain}
                      <span class="visually-hidden">{runId ? ': log' : ': tenant'}</span>
                    </a>{' '}
                  </>
                ))}
                {group.count > group.tenants.length && (
                  <a href={`/admin/rollouts/${props.rollout.id}/targets?state=ever_failed`}>
                    and {group.count - group.tenants.length} more
                  </a>
                )}
              </p>
            </div>
          </li>
        ))}
      </ul>
    </section>
  )
}
