import { ArrowRight } from '../components/icons'
import { Notice } from '../components/notice'
import { Rail, RailItem } from '../components/rail'
import { Time } from '../components/time'
import type { Html } from '../jsx-runtime'

/** One stage of a signup's way to a live site; `at` is when it reached its state, in UTC milliseconds. */
export type SignupStage = {
  title: string
  state: 'done' | 'active' | 'waiting' | 'failed'
  at?: number | null
  note?: string
}

export type SignupProgressProps = {
  /** `ended`: it was not paid in time, or the money went back. */
  state: 'working' | 'live' | 'failed' | 'ended'
  /** The signup's form with what was typed, for a new start. */
  startHref: string
  address: string
  siteUrl: string
  email: string
  stages: SignupStage[]
  /** How many are ahead of it while it waits for room; null when it does not wait. */
  ahead?: number | null
  now: number
}

/** The fragment that the confirmation page keeps up to date. */
export function SignupProgress(props: SignupProgressProps): Html {
  return (
    <>
      <SignupOutcome {...props} />
      <div class="card">
        <Rail label="Progress">
          {props.stages.map((stage) => (
            <RailItem
              state={stage.state}
              title={stage.title}
              aside={typeof stage.at === 'number' && <Time at={stage.at} now={props.now} />}
            >
              {stage.note && <p class="muted rail-note">{stage.note}</p>}
            </RailItem>
          ))}
        </Rail>
      </div>
    </>
  )
}

function SignupOutcome(props: SignupProgressProps): Html {
  const { state, stages, siteUrl, address, email, startHref, ahead } = props
  if (state === 'live') {
    return (
      <div class="live" role="status">
        <h1>Your site is live</h1>
        <a class="live-link" href={siteUrl}>
          {address}
          <ArrowRight />
        </a>
        <p class="muted">An email with the address is on its way to {email}.</p>
      </div>
    )
  }
  if (state === 'failed') {
    return (
      <>
        <h1>Thank you</h1>
        <Notice tone="bad" title="A step did not work">
          <p>
            We have been told and are looking at it. Your payment and your name are safe; we write to {email}{' '}
            as soon as it goes on.
          </p>
        </Notice>
      </>
    )
  }
  if (state === 'ended') {
    return (
      <>
        <h1>This signup has ended</h1>
        <p class="lead" role="status">
          Nothing is charged, and the name is free again.
        </p>
        <p>
          <a class="button button-primary" href={startHref}>
            Start again
          </a>
        </p>
      </>
    )
  }
  const step = stages.findIndex((stage) => stage.state === 'active') + 1
  return (
    <>
      <h1>Thank you</h1>
      <p class="lead" role="status">
        {typeof ahead === 'number' ? queueWords(ahead) : stepWords(step, stages.length)} You can close this
        page; we write to <span class="nowrap">{email}</span> when your site is ready.
      </p>
    </>
  )
}

function queueWords(ahead: number): string {
  if (ahead === 0) return 'You are in the queue, and the next to have a server.'
  return `You are in the queue, and ${ahead === 1 ? 'one is' : `${ahead} are`} ahead of you.`
}

function stepWords(step: number, count: number): string {
  return step > 0 ? `Step ${step} of ${count}.` : 'We are getting started.'
}
