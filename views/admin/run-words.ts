import type { RunStatus } from '../components/badge'
import { durationWords } from '../components/time'

type StepLike = { title: string; status: string; reason: string | null }

type RunLike = {
  status: RunStatus
  direction: 'forward' | 'undo'
  reason: string | null
  steps: StepLike[]
  createdAt: number
  startedAt: number | null
  finishedAt: number | null
  /** When it is looked at again, for a run that waits. */
  availableAt: number
}

/** What is happening with a run right now, in one sentence for the operator. */
export function runSentence(run: RunLike, now: number): string {
  const took = durationWords((run.finishedAt ?? now) - (run.startedAt ?? run.createdAt))
  const step = run.steps.find(
    (one) => one.status === 'running' || one.status === 'waiting' || one.status === 'failed',
  )
  const at = step ? `“${step.title}”` : 'its next step'
  switch (run.status) {
    case 'queued':
      return 'In the queue; it begins in a moment.'
    case 'running':
      return run.direction === 'undo' ? `Undoing ${at}.` : `Working on ${at}.`
    case 'waiting':
      return `Waiting at ${at}: ${sentence(step?.reason ?? run.reason ?? 'it is not ready yet')}${nextLook(run, now)}`
    case 'succeeded':
      return `Finished after ${took}.`
    case 'cancelled':
      return run.direction === 'undo'
        ? `Undone after ${took}; nothing of it is left.`
        : `Cancelled after ${took}.`
    case 'failed':
      return `Stopped at ${at} after ${took}.`
  }
}

/** What the operator can do about a failure: by Atlas's error code, unless its reason says so already. */
export function adviceFor(errorCode: string | null, reason: string | null = null, kind = ''): string {
  if (kind === 'deploy' && errorCode === 'conflict') return DEPLOY_ADVICE
  if (/\b(retry|undo)\b/i.test(reason ?? '')) return GENERAL_ADVICE
  switch (errorCode) {
    case 'unavailable':
      return 'The other side did not answer often enough. Check its status page, then retry: it goes on at this step.'
    case 'unauthorized':
    case 'forbidden':
      return 'The other side refused Atlas’s credentials. Correct the key in the configuration, restart, then retry.'
    case 'invalid':
      return 'The other side did not accept the request. Correct the blueprint or the configuration, then retry.'
    case 'conflict':
      return 'Something else holds what this step needs. Look at the effects below, free it, then retry.'
    case 'not_found':
      return 'Something that an earlier step made is gone. Undo the run and begin anew, or restore it and retry.'
    default:
      return `Read the log below. ${GENERAL_ADVICE}`
  }
}

const GENERAL_ADVICE = 'Retry goes on at this step; undo takes back every step before it.'
const DEPLOY_ADVICE =
  'The log says what failed. Retry deploys the release once more; the tenant’s page says which one it runs now.'
const WORTH_SAYING_MS = 5_000
// Nothing is looked at that seldom: it is a time that somebody has set.
const HOUR_MS = 3_600_000

/** When it goes on, where that takes long enough to be wondered about. */
function nextLook(run: RunLike, now: number): string {
  const wait = run.availableAt - now
  if (wait <= WORTH_SAYING_MS) return ''
  return wait < HOUR_MS
    ? ` It looks again in ${durationWords(wait)}.`
    : ` It goes on in ${durationWords(wait)}.`
}

const sentence = (words: string) => (/[.!?]$/.test(words) ? words : `${words}.`)
