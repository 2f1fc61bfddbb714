import type { Tx } from '../db/open'
import type { AtlasError } from '../errors'
import { backOffMs } from './back-off'
import { type Claim, ClaimLost } from './claim'
import type { EngineParts } from './engine'
import { allowedMs, inVain } from './patience'
import type { Recipe, Step, Wait } from './recipe'
import { factsOf, pastReturn } from './run'
import { type StepRow, setStep } from './steps'

export const STEP_ATTEMPTS_MAX = 10
/** Whoever asks for more is asked again all the same, or a run would hang on one wrong number. */
const RETRY_AFTER_MAX_MS = 1_800_000

type Parts = Pick<EngineParts, 'db' | 'clock' | 'log' | 'chance'>
type Place = { claim: Claim; recipe: Recipe; row: StepRow | undefined }

/** Lets a run wait, which is no failure. Throws `conflict` when its step has waited for as long as it may. */
export function pause(
  parts: Parts,
  { claim, recipe, row }: Place & { row: StepRow },
  { step, wait, startedAt }: { step: Step; wait: Wait; startedAt: number },
): void {
  const nowMs = parts.clock.now()
  const ms = allowedMs(step, wait, nowMs - startedAt)
  if (ms === null) throw inVain(step, wait, mayUndo(parts, claim, recipe))
  const { why: reason, awaits = null } = wait
  claim.write((tx) => {
    setStep(tx, row, { status: 'waiting', reason, awaits })
    claim.release(tx, { status: 'waiting', attempts: 0, availableAt: nowMs + ms, reason })
  })
  claim.run.attempts = 0
}

function mayUndo({ db }: Parts, { run }: Claim, recipe: Recipe): boolean {
  return run.direction === 'forward' && pastReturn(db.read, recipe, run) === null
}

/** What is unavailable is tried again, ever later; everything else stops the run with a reason. */
export function stumble(parts: Parts, place: Place, error: AtlasError): void {
  const attempts = place.claim.run.attempts + 1
  if (error.code === 'unavailable' && attempts < STEP_ATTEMPTS_MAX) tryAgain(parts, place, attempts, error)
  else fail(parts, place, error)
}

function tryAgain(
  { clock, chance }: Parts,
  { claim, row }: Place,
  attempts: number,
  error: AtlasError,
): void {
  const asked = Math.min(error.retryAfterMs ?? 0, RETRY_AFTER_MAX_MS)
  const availableAt = clock.now() + Math.max(backOffMs(attempts, chance()), asked)
  const reason = error.message
  claim.write((tx) => {
    if (row) setStep(tx, row, { status: 'waiting', reason, awaits: null })
    claim.release(tx, { status: 'waiting', attempts, availableAt, reason })
  })
}

function fail({ clock, log }: Parts, { claim, row, recipe }: Place, error: AtlasError): void {
  const { run } = claim
  const finishedAt = clock.now()
  const reason = error.message
  const stop = (consequences: (tx: Tx) => void) =>
    claim.write((tx) => {
      if (row) setStep(tx, row, { status: 'failed', reason, awaits: null, finishedAt })
      claim.release(tx, { status: 'failed', reason, errorCode: error.code, finishedAt })
      consequences(tx)
    })
  try {
    stop((tx) => recipe.failed(tx, factsOf(run), error, finishedAt))
  } catch (thrown) {
    if (thrown instanceof ClaimLost) throw thrown
    // A run that has stopped can be seen and retried; one that stays claimed is forgotten.
    log.error('a failure had no consequences', thrown, { run: run.id })
    stop(() => {})
  }
}
