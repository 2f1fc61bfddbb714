import { Badge, type RunStatus } from '../components/badge'
import { Live } from '../components/live'
import { Notice } from '../components/notice'
import { Rail, RailItem, type RailState } from '../components/rail'
import { ClockTime, durationWords, Elapsed, roughDuration, Time } from '../components/time'
import type { Html } from '../jsx-runtime'
import { AdminHeading, AdminPage, type Operator } from '../layout/admin-page'
import { EffectList, type EffectView } from './effects'
import { type PreviewView, RetryPreview } from './preview'
import { runTitle } from './run-list'
import { adviceFor, runSentence } from './run-words'

export type StepStatus = 'pending' | 'running' | 'waiting' | 'succeeded' | 'failed' | 'undone'

/** One step of a run with its effects; times in UTC milliseconds. */
export type StepView = {
  name: string
  title: string
  status: StepStatus
  attempts: number
  /** Why it waits, or why it failed. */
  reason: string | null
  /** Why there was nothing to do, where there was not. */
  skipped: string | null
  startedAt: number | null
  finishedAt: number | null
  effects: EffectView[]
}

export type RunData = {
  id: string
  kind: string
  status: RunStatus
  direction: 'forward' | 'undo'
  tenant: { id: string; subdomain: string }
  /** What a deploy brings, in place of what, and the rollout that it belongs to. */
  deploy: { release: string; former: string; rolloutId: string | null } | null
  reason: string | null
  errorCode: string | null
  steps: StepView[]
  /** The tail of its log, oldest first. */
  log: { at: number; step: string; line: string }[]
  createdAt: number
  startedAt: number | null
  finishedAt: number | null
  /** When it is looked at again, for a run that waits. */
  availableAt: number
  /** How long runs of its kind usually take; null when nobody knows, or when a person decides. */
  usualMs: number | null
  canRetry: boolean
  /** What a retry would do, where there can be one. */
  preview: PreviewView | null
  canUndo: boolean
  /** Whether it is at work and can still turn back. */
  canCancel: boolean
  /** When somebody asked a live run to turn back. */
  cancelRequestedAt: number | null
  now: number
}

export type RunProps = RunData & { operator: Operator; eventsUrl: string }

/** One run: where it stands, its steps with their effects, and its log. */
export function RunPage({ operator, eventsUrl, ...run }: RunProps): Html {
  return (
    <AdminPage operator={operator} section="runs" title={runTitle(run)}>
      <Live eventsUrl={eventsUrl}>
        <Run {...run} />
      </Live>
    </AdminPage>
  )
}

/** The fragment that the run's page keeps up to date. */
export function Run(run: RunData): Html {
  return (
    <>
      <AdminHeading
        title={runTitle(run)}
        badge={<Badge status={run.status} />}
        back={{ href: '/admin/runs', label: 'Runs' }}
      >
        <RunActions {...run} />
      </AdminHeading>
      <p class="run-sentence" role="status">
        {runSentence(run, run.now)}
        {isLive(run) && returnWords(run)}
      </p>
      <p class="muted run-facts">
        Tenant <a href={`/admin/tenants/${run.tenant.id}`}>{run.tenant.subdomain}</a>
        {run.deploy && <Deploy {...run.deploy} />} · begun{' '}
        <Time at={run.startedAt ?? run.createdAt} now={run.now} /> · <code>{run.id}</code>
      </p>
      {run.status === 'failed' && (
        <Notice tone="bad" title={run.reason ?? 'The run stopped without a reason.'}>
          <p>{adviceFor(run.errorCode, run.reason, run.kind)}</p>
        </Notice>
      )}
      {run.preview && <RetryPreview preview={run.preview} now={run.now} />}
      <Progress {...run} />
      <section class="block" aria-labelledby="steps-title">
        <h2 id="steps-title">Steps</h2>
        <div class="card">
          <Rail>
            {run.steps.map((step) => (
              <Step step={step} isRetried={run.direction === 'forward' && step.attempts > 1} now={run.now} />
            ))}
          </Rail>
        </div>
      </section>
      <RunLog log={run.log} />
    </>
  )
}

/** How far a run has come that goes forward. */
function Progress({ steps, usualMs, startedAt, now, ...run }: RunData): Html | null {
  if (!isLive(run) || run.direction === 'undo' || steps.length < 2) return null
  const done = steps.filter(({ status }) => status === 'succeeded').length
  const leftMs = usualMs === null || startedAt === null ? null : usualMs - (now - startedAt)
  return (
    <div class="progress block">
      <p class="progress-words">
        <label for="run-progress">
          Step {Math.min(done + 1, steps.length)} of {steps.length}
        </label>
        {leftMs !== null && usualMs !== null && (
          <span class="muted">
            {leftMs > 0
              ? `about ${roughDuration(leftMs)} left`
              : `longer than the usual ${roughDuration(usualMs)}`}
          </span>
        )}
      </p>
      <progress id="run-progress" max={steps.length} value={done} />
    </div>
  )
}

function Deploy({ release, former, rolloutId }: NonNullable<RunData['deploy']>): Html {
  return (
    <>
      {' '}
      · {release} in place of {former}
      {rolloutId && (
        <>
          , by the <a href={`/admin/rollouts/${rolloutId}`}>rollout of {release}</a>
        </>
      )}
    </>
  )
}

const isLive = ({ status }: Pick<RunData, 'status'>) =>
  status === 'queued' || status === 'running' || status === 'waiting'

/** Whether a run at work still turns back. */
function returnWords({ direction, canCancel, cancelRequestedAt }: RunData): string {
  if (direction === 'undo' || canCancel) return ''
  if (cancelRequestedAt !== null) return ' It was cancelled, and turns back before its next step.'
  return ' What it does now can’t be taken back any more.'
}

function RunActions({ id, kind, canRetry, canUndo, canCancel }: RunData): Html {
  return (
    <>
      {canRetry && (
        <form method="post" action={`/admin/runs/${id}/retry`}>
          <button class="button button-primary" type="submit">
            Retry
          </button>
        </form>
      )}
      {canCancel && (
        <form method="post" action={`/admin/runs/${id}/cancellation`}>
          <button class={['button', kind === 'delete' ? 'button-primary' : 'button-danger']} type="submit">
            {kind === 'delete' ? 'Bring it back' : 'Cancel and take back'}
          </button>
        </form>
      )}
      {canUndo && (
        <a class="button button-danger" href={`/admin/runs/${id}/undo`}>
          Undo…
        </a>
      )}
    </>
  )
}

const STATES: Record<StepStatus, RailState> = {
  pending: 'waiting',
  running: 'active',
  waiting: 'active',
  succeeded: 'done',
  failed: 'failed',
  undone: 'undone',
}

type StepProps = { step: StepView; isRetried: boolean; now: number }

function Step({ step, isRetried, now }: StepProps): Html {
  // Waiting is a part of most steps; only a step that is tried again stands out.
  const state = step.status === 'waiting' && isRetried ? 'paused' : STATES[step.status]
  return (
    <RailItem
      state={state}
      title={step.title}
      aside={<StepTimes step={step} isRetried={isRetried} now={now} />}
    >
      {step.reason && (step.status === 'waiting' || step.status === 'running') && (
        <p class="rail-note muted">{step.reason}</p>
      )}
      {step.skipped && step.status === 'succeeded' && <p class="rail-note muted">{step.skipped}</p>}
      {step.status === 'failed' && !step.effects.some(({ error }) => error === step.reason) && (
        <p class="rail-note effect-error">{step.reason}</p>
      )}
      {step.effects.length > 0 && <EffectList effects={step.effects} label={`Effects of ${step.title}`} />}
    </RailItem>
  )
}

function StepTimes({ step, isRetried, now }: StepProps): Html | null {
  const { status, startedAt, finishedAt } = step
  if (startedAt === null) return null
  if (status === 'undone') return <>undone</>
  if (status === 'succeeded' && step.skipped) return <>not needed</>
  const isAtWork = status === 'running' || status === 'waiting'
  return (
    <>
      {isRetried && `${step.attempts} attempts · `}
      {isAtWork ? <Elapsed ms={now - startedAt} /> : durationWords((finishedAt ?? now) - startedAt)}
    </>
  )
}

function RunLog({ log }: { log: RunData['log'] }): Html {
  return (
    <section class="block" aria-labelledby="log-title">
      <h2 id="log-title">Log</h2>
      {log.length === 0 ? (
        <p class="muted">Nothing has been logged yet.</p>
      ) : (
        <div class="log" role="log" tabindex={0} aria-labelledby="log-title" aria-live="off">
          {log.map(({ at, step, line }) => (
            <p>
              <ClockTime at={at} /> <span class="log-step">{step}</span> <span class="log-line">{line}</span>
            </p>
          ))}
        </div>
      )}
    </section>
  )
}
