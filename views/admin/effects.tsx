import { Badge, type EffectOutcome } from '../components/badge'
import { ClockTime, durationWords } from '../components/time'
import type { Html } from '../jsx-runtime'

/** One call that changed, or may have changed, the outside world; times in UTC milliseconds. */
export type EffectView = {
  id: string
  provider: string
  verb: string
  /** What was asked, without secrets. */
  summary: string
  outcome: EffectOutcome
  externalId: string | null
  error: string | null
  requestedAt: number
  finishedAt: number | null
}

const NAMES: Record<string, string> = {
  hetzner: 'Hetzner',
  route53: 'Route 53',
  stripe: 'Stripe',
  resend: 'Resend',
  ssh: 'SSH',
  machines: 'Server',
  probe: 'Probe',
}

/** The provider's own spelling, or the word as it is. */
export const providerName = (provider: string) =>
  Object.hasOwn(NAMES, provider) ? (NAMES[provider] ?? provider) : provider

/** Effects in the order they were asked for. `label` names the list. */
export function EffectList({ effects, label }: { effects: EffectView[]; label: string }): Html {
  return (
    <ol class="effects plain" aria-label={label}>
      {effects.map((effect) => (
        <li class="effect" id={`effect-${effect.id}`}>
          <p class="effect-time muted">
            <ClockTime at={effect.requestedAt} />
          </p>
          <div class="effect-body">
            <p>
              <strong>{providerName(effect.provider)}</strong> <code>{effect.verb}</code>
            </p>
            <p class="effect-summary">{effect.summary}</p>
            {effect.error && <p class="effect-error">{effect.error}</p>}
          </div>
          <div class="effect-end">
            <Badge status={effect.outcome} />
            <p class="muted effect-facts">
              {effect.finishedAt !== null && durationWords(effect.finishedAt - effect.requestedAt)}
              {effect.externalId && <code title="Its id at the provider">{effect.externalId}</code>}
            </p>
          </div>
        </li>
      ))}
    </ol>
  )
}
