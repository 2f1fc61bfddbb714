import { and, asc, count, eq } from 'drizzle-orm'
import { copyTenant } from '../backups/copy'
import type { Reader } from '../db/open'
import { effects, runLogs } from '../db/schema'
import { AtlasError, asAtlasError, conflict } from '../errors'
import { askAgent, callAgent, isAgentsWord } from '../provisioning/agent'
import { updateAgent } from '../provisioning/agent-update'
import { settingsFor } from '../provisioning/app'
import { deployFailure } from '../provisioning/deploy-failure'
import { deployInput, type PinnedRelease } from '../provisioning/deploy-input'
import { PATIENCE } from '../provisioning/patience'
import { pauseMs } from '../provisioning/pause'
import { done, type Step, type StepContext, type StepResult, wait } from '../runs/recipe'
import { addRunLog } from '../runs/run'
import type { Services } from '../services'
import { getTenant, hostnameOf, serverOf, urlOf } from '../tenants/tenant'
import { STEPS } from './failure'
import { noWayBackFrom, oneWay, passedReleases, wantsBackup } from './lineage'
import { getRelease, pinned, type ReleaseRow } from './release'

/** What a run of the recipe `deploy` is given. */
export type DeployWork = {
  /** Null when the release is known by its tag only: one that a tenant had before releases were resolved. */
  releaseId: string | null
  release: string
  formerReleaseId: string | null
  formerRelease: string
  /** `back`: to a release that the tenant had before; the data is not migrated. */
  way: 'forward' | 'back'
  rolloutId?: string
  /** Whether nobody asked for it but the sweep that brings tenants up to date. */
  isCatchUp?: boolean
}

const REACH_PATIENCE_MS = 60_000
const REGISTRY_PATIENCE_MS = 300_000
const OUTSIDE_PATIENCE_MS = 120_000
const PROBE_TIMEOUT_MS = 5_000
// Pulling, migrating and becoming healthy may take longer: whoever has waited that long attaches again.
const DEPLOY_TIMEOUT_MS = 1_800_000
/** As many as a step's log keeps of its beginning. */
const LOG_LINES_KEPT = 500

export const workOf = ({ run }: Pick<StepContext, 'run'>) => run.input as DeployWork

/** A server that can't be reached now is left alone, before anything is asked of it. */
export function checkServer(services: Services): Step {
  return {
    name: STEPS.reach,
    title: 'See that the server answers',
    patience: PATIENCE.answer,
    again: 'Looks again, and brings its agent up to date unless it is.',
    async run(context) {
      const { run, db, startedAt, now } = context
      const command = { verb: 'status' as const, commandId: `${run.id}-status`, input: {} }
      try {
        const { result } = await askAgent(services, serverOf(db.read, run.tenantId), command)
        if (result.ready !== true) throw conflict('The server is still being set up.')
        await updateAgent(services, context, result)
        return done({ digest: digestIn(result) })
      } catch (thrown) {
        const error = asAtlasError(thrown)
        if (error.code !== 'unavailable') throw thrown
        const waitedMs = now() - startedAt
        if (waitedMs < REACH_PATIENCE_MS) return wait(pauseMs(waitedMs, { min: 2_000 }), error.message)
        throw conflict(`Nothing was changed: ${error.message}`)
      }
    },
  }
}

/** A copy of each tenant before a release that asks for it. */
export function backUpBefore(services: Services): Step {
  return {
    name: STEPS.backUp,
    title: 'Back up what is there now',
    patience: PATIENCE.disk,
    again: 'Finds the backup if it was made, or makes it.',
    async run(context) {
      if (!wantsBackup(passedBy(context.db.read, workOf(context))))
        return done({ skipped: 'The release does not ask for it.' })
      return copyTenant(services, context, { method: 'app', reason: 'before_deploy' })
    },
  }
}

/** Why a run can't be taken back once its deploy has begun, and what to do instead; null when it can. */
export function noReturnOf(db: Reader, work: DeployWork): string | null {
  const barrier = oneWay(passedBy(db, work))
  return barrier ? noWayBackFrom(barrier) : null
}

/** The releases whose migrations a run takes its tenant through. */
function passedBy(db: Reader, { releaseId, formerReleaseId, way }: DeployWork): ReleaseRow[] {
  if (way === 'back' || !releaseId) return []
  return passedReleases(db, formerReleaseId, getRelease(db, releaseId))
}

/** Has the agent bring the tenant to the release; when that fails the agent goes back by itself if it can. */
export function deployRelease(services: Services): Step {
  return {
    name: STEPS.deploy,
    title: 'Pull, migrate, switch over',
    again: 'Joins the deploy that is going on, or learns how it ended; after a failure it begins another.',
    takesBack: 'Deploys the former release.',
    async run(context) {
      const { result } = await deploy(services, context, 'there')
      return done({ release: result.release, digest: result.digest ?? null })
    },
    async undo(context) {
      await deploy(services, context, 'back')
      return done()
    },
  }
}

/** What visitors get decides: an app that is well on its own server only is taken back. */
export function checkOutside(services: Services): Step {
  return {
    name: STEPS.outside,
    title: 'Look at it from outside',
    patience: PATIENCE.answer,
    again: 'Looks again; if it went back before, it deploys the release once more.',
    async run(context) {
      const { returns, hasTurned } = returnsOf(context)
      if (hasTurned) return goBack(services, context, 'It was not well.')
      if (returns > 0) await deploy(services, context, 'there', `again${returns}`)
      const why = await whatIsWrong(services, context).catch(asReason)
      if (why === null) return done()
      const waitedMs = context.now() - context.startedAt
      if (waitedMs < OUTSIDE_PATIENCE_MS) return wait(pauseMs(waitedMs, { min: 2_000 }), why)
      return goBack(services, context, why)
    },
  }
}

type Way = 'there' | 'back'

/** Asks the agent for a deploy, of the run's release or of the one that the tenant had. */
async function deploy(services: Services, context: StepContext, way: Way, attempt?: string) {
  const { catalog, settings } = services
  const tenant = getTenant(context.db.read, context.run.tenantId)
  const { target, former } = releasesOf(context, way)
  const input = deployInput(catalog.blueprint(tenant.blueprint), settings, {
    ...target,
    former,
    migrates: way === 'there' && workOf(context).way === 'forward',
    canGoBack: way === 'back' || noReturnOf(context.db.read, workOf(context)) === null,
    hostname: hostnameOf(tenant, settings.tenantDomain),
    settings: settingsFor(services, context, { ...tenant, release: target.release }),
  })
  const summary = { release: target.release, former: former.release }
  const part = way === 'back' ? way : undefined
  const commandId = endedIn(context, part)
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

function releasesOf(context: StepContext, way: Way): { target: PinnedRelease; former: PinnedRelease } {
  const { releaseId, release, formerReleaseId, formerRelease } = workOf(context)
  const wanted = pinned(context.db.read, releaseId, release)
  const had = pinned(context.db.read, formerReleaseId, formerRelease)
  return way === 'there' ? { target: wanted, former: had } : { target: had, former: wanted }
}

async function goBack(services: Services, context: StepContext, why: string): Promise<StepResult> {
  const { returns } = returnsOf(context)
  const failed = (back: boolean, message: string, log: string[] = []) =>
    conflict(message, { facts: { part: 'health', back, log } })
  const noReturn = noReturnOf(context.db.read, workOf(context))
  if (noReturn) throw failed(false, `From outside: ${why} ${noReturn}`)
  try {
    await deploy(services, context, 'back', returns > 0 ? String(returns) : undefined)
  } catch (thrown) {
    const failure = thrown instanceof AtlasError ? deployFailure(thrown) : null
    if (!failure) throw thrown
    throw failed(false, `From outside: ${why} The way back failed too.`, failure.log)
  }
  throw failed(true, `From outside: ${why} It was taken back.`)
}

/**
 * The command that has ended in a failure already, in this very try of the step: whoever died before it was written down
 * hears of it once more, and nothing is deployed a second time.
 */
function endedIn(context: StepContext, part: 'back' | undefined): string | undefined {
  const last = askedFor(context, part).findLast(({ isOfThisTry }) => isOfThisTry)
  const isEnd = last?.outcome === 'refused' && last.vendorCode !== 'agent_unavailable' && last.isAgents
  return isEnd ? last.key : undefined
}

/** How often this step went back in earlier tries, and whether it has turned back in this one. */
function returnsOf(context: StepContext): { returns: number; hasTurned: boolean } {
  const asked = askedFor(context, 'back').filter(({ outcome, isAgents }) => outcome !== 'refused' || isAgents)
  const { now = [], before = [] } = Object.groupBy(asked, ({ isOfThisTry }) =>
    isOfThisTry ? 'now' : 'before',
  )
  return { returns: before.length, hasTurned: now.length > 0 }
}

/** The deploys that this step has asked for, oldest first. */
function askedFor({ db, run, step, startedAt }: StepContext, part: 'back' | undefined) {
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

/** A server that can't be asked is not well either. */
function asReason(thrown: unknown): string {
  const error = asAtlasError(thrown)
  if (error.code !== 'unavailable') throw thrown
  return error.message
}

/** Why the release is not what visitors get, as a sentence; null when it is. */
async function whatIsWrong(services: Services, context: StepContext): Promise<string | null> {
  const { run, db } = context
  const { target } = releasesOf(context, 'there')
  const server = serverOf(db.read, run.tenantId)
  const command = { verb: 'status' as const, commandId: `${run.id}-status`, input: {} }
  const { result } = await askAgent(services, server, command)
  const digests = target.images.map(({ digest }) => digest)
  const digest = digestIn(result)
  if (digests.length > 0 && (digest === null || !digests.includes(digest)))
    return 'What runs is not the image that was deployed.'
  const tenant = getTenant(db.read, run.tenantId)
  const { health } = services.catalog.blueprint(tenant.blueprint)
  const url = `${urlOf(tenant, services.settings.tenantDomain)}${health.path}`
  const answer = await services.probe.get({ url, address: server.ipv4 ?? '', timeoutMs: PROBE_TIMEOUT_MS })
  if (!answer.ok) return answer.reason
  if (answer.status === health.expectStatus) return null
  return `It answers with status ${answer.status} instead of ${health.expectStatus}.`
}

function digestIn({ app }: Record<string, unknown>): string | null {
  if (typeof app !== 'object' || app === null || !('digest' in app)) return null
  return typeof app.digest === 'string' ? app.digest : null
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
