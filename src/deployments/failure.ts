import { and, eq, like, ne, or } from 'drizzle-orm'
import type { Reader } from '../db/open'
import { effects } from '../db/schema'
import type { AtlasError } from '../errors'
import { isAgentsWord } from '../provisioning/agent'
import type { RunFacts } from '../runs/recipe'
import { getRun } from '../runs/run'
import { deployFailure } from './agent-failure'

/** What of a deploy failed: a part of the agent's work, or one of Atlas's own. */
export type FailedPart =
  | 'reach'
  | 'back-up'
  | 'space'
  | 'pull'
  | 'migrate'
  | 'switch'
  | 'health'
  | 'smoke'
  | 'outside'
  | 'refused'
  | 'lost'

/** `runs`: which release the tenant has after the failure, as far as anybody knows. */
export type Failure = { part: FailedPart; runs: 'former' | 'nothing' | 'unknown' }

/** The names of the recipe's steps. */
export const STEPS = {
  reach: 'check-server',
  backUp: 'back-up',
  deploy: 'deploy',
  outside: 'check-outside',
} as const

/** What a deploy's failure means for its tenant; asked in the transaction in which the run fails. */
export function failureOf(db: Reader, run: Pick<RunFacts, 'id'>, error: AtlasError): Failure {
  const { step } = getRun(db, run.id)
  if (step === STEPS.reach) return { part: 'reach', runs: 'former' }
  if (step === STEPS.backUp) return { part: 'back-up', runs: 'former' }
  const said = deployFailure(error)
  const runs = said?.back ? 'former' : 'nothing'
  if (step === STEPS.outside) return { part: 'outside', runs: said ? runs : 'unknown' }
  if (said) return { part: said.part, runs }
  // Whatever the agent says no to without naming a part, it has not begun; one that broke down has said nothing.
  const isRefused = isAgentsWord(error) && error.code !== 'unavailable' && error.code !== 'internal'
  if (isRefused) return { part: 'refused', runs: 'former' }
  if (mayHaveBegun(db, run)) return { part: 'lost', runs: 'unknown' }
  return { part: error.code === 'unavailable' ? 'reach' : 'refused', runs: 'former' }
}

/** Of an effect: that the server may have heard of the deploy. A connection that was refused has told it nothing. */
export const WAS_HEARD = and(
  eq(effects.step, STEPS.deploy),
  eq(effects.provider, 'ssh'),
  or(ne(effects.outcome, 'refused'), like(effects.vendorCode, 'agent%')),
)

function mayHaveBegun(db: Reader, { id }: Pick<RunFacts, 'id'>): boolean {
  const mine = and(eq(effects.runId, id), WAS_HEARD)
  return db.select({ id: effects.id }).from(effects).where(mine).limit(1).get() !== undefined
}
