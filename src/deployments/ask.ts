import { and, asc, count, eq } from 'drizzle-orm'
import { effects, runLogs } from '../db/schema'
import { type AtlasError, asAtlasError, conflict } from '../errors'
import { callAgent, isAgentsWord } from '../provisioning/agent'
import { isSuspended, settingsFor, stop } from '../provisioning/app'
import { livedWith } from '../releases/lineage'
import { type PinnedRelease, pinned } from '../releases/release'
import type { StepContext } from '../runs/recipe'
import { addRunLog } from '../runs/run-log'
import type { Services } from '../services'
import { getTenant, hostnameOf } from '../tenants/tenant'
import { deployFailure } from './agent-failure'
import { deployInput } from './input'
import { noReturnOf, passedBy, workOf } from './work'

const REGISTRY_PATIENCE_MS = 300_000
// Pulling, migrating and becoming healthy may take longer: whoever has waited that long attaches again.
const DEPLOY_TIMEOUT_MS = 1_800_000
/** As many as a step's log keeps of its beginning. */
const LOG_LINES_KEPT = 500

type Way = 'there' | 'back'

/** Asks the agent for a deploy, of the run's release or of the one that the tenant had. */
export async function deploy(services: Services, context: StepContext, way: Way, attempt?: string) {
  const { catalog, settings } = services
  const tenant = getTenant(context.db.read, context.run.tenantId)
  const { target, former } = releasesOf(context, way)
  const input = deployInput(catalog.blueprint(tenant.blueprint), settings, {
    ...target,
    former,
    migrates: way === 'there' && workOf(context).way === 'forward',
    ...dataOf(context, way),
    hostname: hostnameOf(tenant, settings.tenantDomain),
    settings: settingsFor(services, context, { ...tenant, release: target.release }),
  })
  const summary = { release: target.release, former: former.release }
  const part = way === 'back' ? way : undefined
  const commandId = askedInThisTry(context, part)
  const call = { verb: 'deploy' as const, part, attempt, commandId, input, summary }
  try {
    return await callAgent(services, context, call, { timeoutMs: DEPLOY_TIMEOUT_MS, onLog: context.log })
  } catch (thrown) {
    throw asFinal(context, asAtlasError(thrown))
  }
}

/** What the agent has tried and taken back is not tried again by itself, except that a registry may come back. */
function asFinal(context: StepContext, error: AtlasError): AtlasError {
  const failure = deployFailure(error)
  if (!failure) return error
  const waitedMs = context.now() - context.startedAt
  if (failure.part === 'pull' && error.code === 'unavailable' && waitedMs < REGISTRY_PATIENCE_MS) return error
  keepLastWords(context, failure.log)
  const { vendorCode, outcome, facts } = error
  const noReturn = failure.back ? null : noReturnOf(context.db.read, workOf(context))
  return conflict([error.message, noReturn].filter(Boolean).join(' '), {
    vendorCode,
    outcome,
    facts,
    cause: error,
  })
}

/** The release to bring a tenant to and the one that it leaves, as its server is told of them. */
export function releasesOf(context: StepContext, way: Way): { target: PinnedRelease; former: PinnedRelease } {
  const { releaseId, release, formerReleaseId, formerRelease } = workOf(context)
  const wanted = pinned(context.db.read, releaseId, release)
  const had = pinned(context.db.read, formerReleaseId, formerRelease)
  return way === 'there' ? { target: wanted, former: had } : { target: had, former: wanted }
}

/** What the agent has to know of the data, so that no release is ever started that can't live with it. */
function dataOf(context: StepContext, way: Way): { passes: string[]; livesWith: string[] } {
  const { read } = context.db
  const work = workOf(context)
  const passed =
    way === 'there' ? passedBy(read, work).filter(({ migration }) => migration === 'contract') : []
  const both = [work.releaseId, work.formerReleaseId].map((id) => livedWith(read, id))
  const [livesWith = []] = both.toSorted((one, other) => one.length - other.length)
  return { passes: passed.map(({ tag }) => tag), livesWith }
}

/** The app of a suspended tenant runs to see that it works, no longer, whichever release that is in the end. */
export async function thenStopAgain<T>(
  services: Services,
  context: StepContext,
  deployed: Promise<T>,
): Promise<T> {
  if (!isSuspended(context)) return deployed
  const [ended] = await Promise.allSettled([deployed])
  const goesOn = ended.status === 'rejected' && asAtlasError(ended.reason).code === 'unavailable'
  // Another command each time, as every deploy starts the app anew.
  const asked = askedFor(context).length + askedFor(context, 'back').length
  if (!goesOn) await stop(services, context, undefined, `after${asked}`)
  return deployed
}

/**
 * The command that was given in this very try of the step, unless the agent has said that it may be tried again: whoever
 * died before its end was written down hears of it once more, and nothing is deployed a second time.
 */
function askedInThisTry(context: StepContext, part: 'back' | undefined): string | undefined {
  const last = askedFor(context, part).findLast(({ isOfThisTry }) => isOfThisTry)
  const mayTryAgain = last?.outcome === 'refused' && last.vendorCode === 'agent_unavailable'
  return mayTryAgain ? undefined : last?.key
}

/** The deploys that this step has asked for, oldest first. */
export function askedFor({ db, run, step, startedAt }: StepContext, part?: 'back') {
  const verb = part ? `deploy ${part}` : 'deploy'
  const { key, outcome, vendorCode, requestedAt } = effects
  return db.read
    .select({ key, outcome, vendorCode, requestedAt })
    .from(effects)
    .where(and(eq(effects.runId, run.id), eq(effects.step, step), eq(effects.verb, verb)))
    .orderBy(asc(requestedAt), asc(effects.id))
    .all()
    .map((one) => ({
      ...one,
      isAgents: isAgentsWord({ vendorCode: one.vendorCode ?? undefined }),
      isOfThisTry: one.requestedAt >= startedAt,
    }))
}

/** A step's log keeps its beginning; what was said last matters most when a deploy has failed. */
function keepLastWords({ db, run, step, now }: StepContext, lines: readonly string[]): void {
  const mine = and(eq(runLogs.runId, run.id), eq(runLogs.step, step))
  const kept = db.read.select({ n: count() }).from(runLogs).where(mine).get()?.n ?? 0
  if (kept < LOG_LINES_KEPT) return
  db.write((tx) => {
    for (const line of lines) addRunLog(tx, run.id, 'last-words', line, now())
  })
}
