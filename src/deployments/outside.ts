import { AtlasError, asAtlasError, conflict } from '../errors'
import { askAgent } from '../provisioning/agent'
import { isSuspended } from '../provisioning/app'
import { PATIENCE } from '../provisioning/patience'
import { pauseMs } from '../provisioning/pause'
import { done, type Step, type StepContext, type StepResult, wait } from '../runs/recipe'
import type { Services } from '../services'
import { getTenant, serverOf, urlOf } from '../tenants/tenant'
import { deployFailure } from './agent-failure'
import { askedFor, deploy, releasesOf } from './ask'
import { STEPS } from './failure'
import { noReturnOf, workOf } from './work'

const OUTSIDE_PATIENCE_MS = 120_000
const PROBE_TIMEOUT_MS = 5_000

/** What visitors get decides: an app that is well on its own server only is taken back. */
export function checkOutside(services: Services): Step {
  return {
    name: STEPS.outside,
    title: 'Look at it from outside',
    patience: PATIENCE.answer,
    again: 'Looks again; if it went back before, it deploys the release once more.',
    async run(context) {
      if (isSuspended(context)) return done({ skipped: 'The tenant is suspended.' })
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

/** How often this step went back in earlier tries, and whether it has turned back in this one. */
function returnsOf(context: StepContext): { returns: number; hasTurned: boolean } {
  const asked = askedFor(context, 'back').filter(({ outcome, isAgents }) => outcome !== 'refused' || isAgents)
  const { now = [], before = [] } = Object.groupBy(asked, ({ isOfThisTry }) =>
    isOfThisTry ? 'now' : 'before',
  )
  return { returns: before.length, hasTurned: now.length > 0 }
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

export function digestIn({ app }: Record<string, unknown>): string | null {
  if (typeof app !== 'object' || app === null || !('digest' in app)) return null
  return typeof app.digest === 'string' ? app.digest : null
}
