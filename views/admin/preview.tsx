import { Time } from '../components/time'
import type { Html } from '../jsx-runtime'
import { providerName } from './effects'

/** A call that a step has made before. */
export type KnownEffectView = {
  provider: string
  verb: string
  key: string
  outcome: 'intended' | 'done' | 'refused' | 'unknown'
  externalId: string | null
  error: string | null
  requestedAt: number
}

/** One step as it will be done, and what it has to reckon with. */
export type PreviewedStepView = { name: string; title: string; says: string; known: KnownEffectView[] }

export type PreviewView = { direction: 'forward' | 'undo'; steps: PreviewedStepView[] }

/** What a retry will do, shown before it is done. */
export function RetryPreview(props: { preview: PreviewView; now: number }): Html {
  const isUndo = props.preview.direction === 'undo'
  return (
    <details class="preview" open>
      <summary>{isUndo ? 'What going on with the undo will do' : 'What a retry will do'}</summary>
      <PreviewedSteps {...props} />
    </details>
  )
}

/** The steps in the order in which they will be done. */
export function PreviewedSteps({ preview, now }: { preview: PreviewView; now: number }): Html {
  return (
    <ol class="preview-steps">
      {preview.steps.map((step) => (
        <li>
          <p>
            <strong>{step.title}</strong>
            {step.says && `: ${step.says}`}
          </p>
          {step.known.map((effect) => (
            <Known effect={effect} direction={preview.direction} now={now} />
          ))}
        </li>
      ))}
    </ol>
  )
}

function Known(props: { effect: KnownEffectView; direction: PreviewView['direction']; now: number }): Html {
  const { effect, direction, now } = props
  const { provider, verb, key, externalId, requestedAt, outcome, error } = effect
  return (
    <p class="muted preview-known">
      <Time at={requestedAt} now={now} />: {providerName(provider)} <code>{verb}</code> <code>{key}</code>
      {externalId && externalId !== key && (
        <>
          , id <code>{externalId}</code>
        </>
      )}
      : {WORDS[direction][outcome]}
      {outcome === 'refused' && error && ` ${error}`}
    </p>
  )
}

const UNKNOWN = 'the answer never came, so Atlas looks whether it happened before it asks again.'

const WORDS: Record<PreviewView['direction'], Record<KnownEffectView['outcome'], string>> = {
  forward: {
    done: 'done. It is looked for and found, not done twice.',
    unknown: UNKNOWN,
    intended: UNKNOWN,
    refused: 'refused, so it is asked again.',
  },
  undo: {
    done: 'done. What it made is taken back.',
    unknown: 'the answer never came, so Atlas looks whether there is anything to take back.',
    intended: 'the answer never came, so Atlas looks whether there is anything to take back.',
    refused: 'refused, so there is nothing of it.',
  },
}
