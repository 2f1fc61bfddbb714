import { failuresInWords, stuckInWords, unseenInWords } from './decide-words'

/**
 * What happens next in a rollout, as a pure function of what is known of it: the simulation of 200 machines and the
 * lane that acts both ask this and nothing else.
 *
 * How many may break. A rollout stops at its n-th failure (`stopAt`: 2, or 2 % of the fleet), and those that are being
 * deployed at that moment may fail as well. So what is in flight counts as if it had failed already: another tenant is
 * begun only while failures + in flight < stopAt. However unluckily failures are placed, and even when all that is in
 * flight fails at once, no more than `stopAt` tenants ever break. Successes make this no wider, on purpose: they say
 * nothing of the tenants that a partly bad release breaks. Until the release has worked somewhere, and in a first wave
 * that others follow, the bound is 1: a release that is bad for everybody breaks one tenant, whatever the strategy.
 * What shows only later, while a wave is watched, is bounded by the size of the waves alone.
 */

/** What is known of a rollout. Counts are of all its waves unless they say otherwise. */
export type Snapshot = {
  status: 'running' | 'going_back' | 'held' | 'frozen'
  /** Whether the former release lives with what this one does to the data. */
  canGoBack: boolean
  stopAt: number
  concurrency: number
  bakeMs: number
  wave: number
  waves: number
  /** When the present wave was done and its bake began; null while it is at work. */
  waveDoneAt: number | null
  /** Runs that are at work, on the way there and on the way back. */
  deploying: number
  goingBack: number
  /** How many got the release and were well with it, also those that were taken back since. */
  worked: number
  /** How many failed, whatever became of them since. */
  failed: number
  /** Whose way back failed too, or who failed when there was none any more: nobody knows what runs there. */
  stuck: number
  /** How many of the present wave got the release. */
  workedInWave: number
  /** How many of them have not been seen well since, by the health checks. */
  unseenInWave: number
  /** The next of the present wave that have not begun, in order. */
  waiting: readonly Waiting[]
  /** Those to be taken back, in order. */
  returning: readonly Waiting[]
  /** Those that got the release and were found down since. */
  sick: readonly { tenantId: string; reason: string }[]
}

export type Waiting = {
  tenantId: string
  /** Something else is being done to it right now. */
  isBusy: boolean
  /** Why it can't take part, as a sentence. */
  obstacle: string | null
}

export type Decision =
  | { kind: 'deploy'; tenantId: string }
  | { kind: 'take_back'; tenantId: string }
  | { kind: 'set_aside'; tenantId: string; reason: string }
  | { kind: 'count_as_failed'; tenantId: string; reason: string }
  | { kind: 'bake' }
  | { kind: 'next_wave'; wave: number }
  | { kind: 'turn_back'; reason: string }
  | { kind: 'freeze'; reason: string }
  | { kind: 'hold'; reason: string }
  | { kind: 'finish'; status: 'succeeded' | 'rolled_back' | 'stopped' | 'aborted'; reason?: string }
  | { kind: 'look_again'; atMs: number }

export type Decide = (snapshot: Snapshot, nowMs: number) => Decision[]

/** How soon a tenant that is busy is looked at again, and how often the health of a wave that bakes. */
const BUSY_MS = 10_000
const WATCH_MS = 30_000
/** For how long after the bake a tenant's health check is waited for. */
const UNSEEN_MAX_MS = 900_000

/** What to do now. Nothing, when the next thing is that a run ends or a person acts. */
export const decide: Decide = (snapshot, nowMs) => {
  const { status, stuck, sick } = snapshot
  if (status === 'held' || status === 'frozen') return []
  if (stuck > 0) return [{ kind: 'freeze', reason: stuckInWords(snapshot) }]
  if (status === 'going_back') return takeBack(snapshot, nowMs)
  if (sick.length > 0) return sick.map((one) => ({ kind: 'count_as_failed', ...one }))
  if (snapshot.failed >= allowanceOf(snapshot)) return stop(snapshot)
  const lost = takeBackSome(snapshot)
  const work = [...lost, ...begin(snapshot, lost.filter(({ kind }) => kind === 'take_back').length)]
  const isDone = work.length === 0 && snapshot.waiting.length === 0 && !isAtWork(snapshot)
  return isDone ? afterWave(snapshot, nowMs) : [...work, ...lookAgain(snapshot, nowMs)]
}

/** How many may fail before it stops: see above. */
export function allowanceOf({ wave, waves, worked, stopAt }: Snapshot): number {
  const isTrusted = worked > 0 && (wave > 0 || waves === 1)
  return isTrusted ? stopAt : 1
}

function begin(snapshot: Snapshot, lost: number): Decision[] {
  const { concurrency, deploying, goingBack, failed } = snapshot
  let room = Math.min(concurrency - goingBack - lost, allowanceOf(snapshot) - failed) - deploying
  return snapshot.waiting.flatMap(({ tenantId, isBusy, obstacle }): Decision[] => {
    if (obstacle !== null) return [{ kind: 'set_aside', tenantId, reason: obstacle }]
    if (isBusy || room <= 0) return []
    room--
    return [{ kind: 'deploy', tenantId }]
  })
}

/** While it goes on these are tenants that were lost on their way: nobody knows what runs there, so they don't wait. */
function takeBackSome({ returning, concurrency, deploying, goingBack }: Snapshot): Decision[] {
  let room = concurrency - deploying - goingBack
  return returning.flatMap(({ tenantId, isBusy, obstacle }): Decision[] => {
    if (obstacle !== null) return [{ kind: 'set_aside', tenantId, reason: obstacle }]
    if (isBusy || room <= 0) return []
    room--
    return [{ kind: 'take_back', tenantId }]
  })
}

function isAtWork({ deploying, goingBack, returning }: Snapshot): boolean {
  return deploying + goingBack + returning.length > 0
}

/** Without a way back, what is in flight is waited for, so that whoever is told hears the whole of it. */
function stop({ canGoBack, deploying, failed, wave, waves }: Snapshot): Decision[] {
  const reason = failuresInWords(failed, wave, waves)
  if (canGoBack) return [{ kind: 'turn_back', reason }]
  return deploying > 0 ? [] : [{ kind: 'finish', status: 'stopped', reason }]
}

function takeBack(snapshot: Snapshot, nowMs: number): Decision[] {
  if (!isAtWork(snapshot)) return [{ kind: 'finish', status: 'rolled_back' }]
  return [...takeBackSome(snapshot), ...lookAgain({ ...snapshot, waiting: [] }, nowMs)]
}

function afterWave(snapshot: Snapshot, nowMs: number): Decision[] {
  const { wave, waves, waveDoneAt, workedInWave, bakeMs, unseenInWave } = snapshot
  const isWatched = workedInWave > 0 && bakeMs > 0
  if (isWatched && waveDoneAt === null) return [{ kind: 'bake' }]
  const bakesUntil = isWatched ? (waveDoneAt ?? nowMs) + bakeMs : nowMs
  if (nowMs < bakesUntil) return [{ kind: 'look_again', atMs: Math.min(bakesUntil, nowMs + WATCH_MS) }]
  if (isWatched && unseenInWave > 0) {
    if (nowMs < bakesUntil + UNSEEN_MAX_MS) return [{ kind: 'look_again', atMs: nowMs + BUSY_MS }]
    return [{ kind: 'hold', reason: unseenInWords(unseenInWave) }]
  }
  if (wave + 1 < waves) return [{ kind: 'next_wave', wave: wave + 1 }]
  // Everybody would be caught up later otherwise, without waves, with what has worked nowhere.
  if (snapshot.worked === 0) return [{ kind: 'finish', status: 'aborted', reason: NOBODY_GOT_IT }]
  return [{ kind: 'finish', status: 'succeeded' }]
}

const NOBODY_GOT_IT = 'Nobody got it: everybody was set aside or left out.'

/** The end of whatever a tenant is busy with is nothing that a rollout is told of. */
function lookAgain({ waiting, returning }: Snapshot, nowMs: number): Decision[] {
  const isAwaited = [...waiting, ...returning].some(({ isBusy, obstacle }) => isBusy && obstacle === null)
  return isAwaited ? [{ kind: 'look_again', atMs: nowMs + BUSY_MS }] : []
}
