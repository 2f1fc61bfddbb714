import { Badge, type EffectOutcome } from '../components/badge'
import { ClockTime, durationWords } from '../components/time'
import type { Child, Html } from '../jsx-runtime'

/** One call that changed, or may have changed, the outside world; times in UTC milliseconds. */
export type EffectView = {
  id: string
  provider: string
  verb: string
  /** What was asked, without secrets. */
  summary: { name: string; value: string }[]
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
  s3: 'Storage',
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
            <p class="effect-facts">
              {effect.summary.map(({ name, value }) => (
                <EffectFact name={name}>{value}</EffectFact>
              ))}
              {effect.externalId && (
                <EffectFact name="id">
                  <code>{effect.externalId}</code>
                </EffectFact>
              )}
            </p>
            {effect.error && <p class="effect-error">{effect.error}</p>}
          </div>
          <p class="effect-end">
            {effect.finishedAt !== null && (
              <span class="muted">{durationWords(effect.finishedAt - effect.requestedAt)}</span>
            )}
            <Badge status={effect.outcome} />
          </p>
        </li>
      ))}
    </ol>
  )
}

function EffectFact({ name, children }: { name: string; children?: Child }): Html {
  return (
    <span class="effect-fact">
      <span class="muted">{name}</span> {children}
    </span>
  )
}
