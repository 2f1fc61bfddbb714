import { RolloutPage } from '../../views/admin/rollout'
import { AbortionPage, type RolloutConfirmProps, WayBackPage } from '../../views/admin/rollout-confirm'
import { TargetsPage, type TargetsProps } from '../../views/admin/rollout-targets'
import { TARGET_STATES, type TargetState } from '../../views/admin/rollout-words'
import { RolloutList, RolloutsPage } from '../../views/admin/rollouts'
import type { Actor } from '../audit'
import type { Tx } from '../db/open'
import { AtlasError } from '../errors'
import { getRelease } from '../releases/release'
import { countTargets } from '../rollouts/report'
import { getRollout } from '../rollouts/rollout'
import { listTargets, TARGET_SORTS, type TargetFilter, targetAt } from '../rollouts/target-report'
import { abortRollout, holdRollout, resumeRollout, rollBack, skipTarget } from '../rollouts/verbs'
import type { Services } from '../services'
import { choice, operatorOf, orderOf, searchOf, wanted } from './admin'
import { page, redirect } from './answer'
import { readForm } from './request'
import { partsShown, rolloutFleet, rolloutParts } from './rollout-parts'
import { byState, rolloutData, rolloutsData } from './rollouts-data'
import { type Call, routes } from './route'

/** What can be done to a rollout, in one transaction. */
export type RolloutVerb = (tx: Tx, services: Services, rolloutId: string, asked: Asked) => void
type Asked = { actor: Actor; nowMs: number }

/** The verbs by the nouns that stand for them in addresses. */
export const ROLLOUT_VERBS = {
  hold: (tx, _, id, asked) => holdRollout(tx, id, asked),
  resumption: (tx, _, id, asked) => resumeRollout(tx, id, asked),
  abortion: abortRollout,
  'way-back': (tx, _, id, asked) => rollBack(tx, id, asked),
} satisfies Record<string, RolloutVerb>

/** Rollouts: the list, each with its fleet, and what an operator can do about it. */
export const rolloutRoutes = routes(
  {
    method: 'GET',
    path: '/admin/rollouts',
    policy: 'operator',
    handle: (call) => RolloutsPage({ operator: operatorOf(call), ...rolloutsData(call) }),
  },
  {
    method: 'GET',
    path: '/admin/rollouts/events',
    policy: 'operator',
    handle: (call) => call.live.open(call, () => RolloutList(rolloutsData(call))),
  },
  {
    method: 'GET',
    path: '/admin/rollouts/:id',
    policy: 'operator',
    handle: (call) => {
      const square = call.url.searchParams.get('target')
      return square === null ? rolloutPage(call) : redirect(logOf(call, Number(square)))
    },
  },
  {
    method: 'GET',
    path: '/admin/rollouts/:id/events',
    policy: 'operator',
    handle: (call) => {
      const { id } = getRollout(call.services.db.read, call.params.id ?? '')
      const sinceMs = Number(call.url.searchParams.get('since')) || 0
      const isShown = partsShown(call.services, id, sinceMs)
      return call.live.openParts(call, () => rolloutParts(call.services, id), isShown)
    },
  },
  {
    method: 'GET',
    path: '/admin/rollouts/:id/targets',
    policy: 'operator',
    handle: (call) => TargetsPage(targetsProps(call)),
  },
  {
    method: 'POST',
    path: '/admin/rollouts/:id/targets/:tenant/skip',
    policy: 'operator',
    handle: (call) => {
      const { id = '', tenant = '' } = call.params
      const problem = refusalOf(() => doVerb(call, (tx, _, one, asked) => skipTarget(tx, one, tenant, asked)))
      if (problem) return page(TargetsPage({ ...targetsProps(call), problem }), 409)
      return redirect(`/admin/rollouts/${id}/targets${call.url.search}`)
    },
  },
  {
    method: 'POST',
    path: '/admin/rollouts/:id/hold',
    policy: 'operator',
    handle: (call) => act(call, ROLLOUT_VERBS.hold),
  },
  {
    method: 'POST',
    path: '/admin/rollouts/:id/resumption',
    policy: 'operator',
    handle: (call) => act(call, ROLLOUT_VERBS.resumption),
  },
  {
    method: 'GET',
    path: '/admin/rollouts/:id/abortion',
    policy: 'operator',
    handle: (call) => AbortionPage(confirmProps(call)),
  },
  {
    method: 'POST',
    path: '/admin/rollouts/:id/abortion',
    policy: 'operator',
    handle: (call) => act(call, ROLLOUT_VERBS.abortion),
  },
  {
    method: 'GET',
    path: '/admin/rollouts/:id/way-back',
    policy: 'operator',
    handle: (call) => WayBackPage(confirmProps(call)),
  },
  {
    method: 'POST',
    path: '/admin/rollouts/:id/way-back',
    policy: 'operator',
    handle: async (call) => {
      const props = confirmProps(call)
      const { confirmation = '' } = await readForm(call.request)
      if (confirmation.trim() === props.rollout.tag) return act(call, ROLLOUT_VERBS['way-back'])
      const error = `Type ${props.rollout.tag} to make sure that this is the one.`
      return page(WayBackPage({ ...props, value: confirmation, error }), 422)
    },
  },
)

/** Does one of the verbs to the rollout that the address names. */
export function doVerb({ services, params, actor }: Call, verb: RolloutVerb): void {
  const { db, clock } = services
  db.write((tx) => verb(tx, services, params.id ?? '', { actor, nowMs: clock.now() }))
}

/** The filter of a rollout's tenants from a query; what is not known is left out. */
export function targetFilter(call: Call): TargetFilter {
  const states = [...(Object.keys(TARGET_STATES) as TargetState[]), 'ever_failed' as const]
  const order = orderOf(call, TARGET_SORTS, { sort: 'wave', dir: 'asc' })
  return { q: searchOf(call), state: choice(call, 'state', states), ...order }
}

function act(call: Call, verb: RolloutVerb): Response {
  const problem = refusalOf(() => doVerb(call, verb))
  return problem ? rolloutPage(call, problem) : redirect(`/admin/rollouts/${call.params.id}`)
}

/** Why the rollout's state does not allow it, as when another operator was faster. */
function refusalOf(work: () => void): string | undefined {
  try {
    work()
  } catch (thrown) {
    if (!(thrown instanceof AtlasError) || thrown.code !== 'conflict') throw thrown
    return thrown.message
  }
}

function rolloutPage(call: Call, problem?: string): Response {
  const data = rolloutData(call.services, call.params.id ?? '')
  const fleet = rolloutFleet(call.services.db.read, data)
  const eventsUrl = `/admin/rollouts/${data.id}/events?since=${data.now}`
  const html = RolloutPage({ operator: operatorOf(call), eventsUrl, fleet, problem, ...data })
  return page(html, problem ? 409 : 200)
}

/** Where a square leads to: the tenant's deploy, or the tenant while it has none. */
function logOf({ services, params }: Call, position: number): string {
  const { runId, tenantId } = targetAt(services.db.read, params.id ?? '', position)
  return runId ? `/admin/runs/${runId}` : `/admin/tenants/${tenantId}`
}

function confirmProps(call: Call): RolloutConfirmProps {
  const { read } = call.services.db
  const { id, releaseId } = getRollout(read, call.params.id ?? '')
  const { tag } = getRelease(read, releaseId)
  return { operator: operatorOf(call), rollout: { id, tag }, counts: byState(countTargets(read, id)) }
}

function targetsProps(call: Call): TargetsProps {
  const { db, clock } = call.services
  const rollout = getRollout(db.read, call.params.id ?? '')
  const filter = targetFilter(call)
  const { rows, ...page } = listTargets(db.read, rollout.id, filter, wanted(call))
  const mayChange = rollout.status === 'running' || rollout.status === 'held'
  return {
    operator: operatorOf(call),
    rollout: { id: rollout.id, tag: getRelease(db.read, rollout.releaseId).tag },
    targets: rows.map((row) => ({
      ...row,
      canSkip: mayChange && (row.state === 'waiting' || row.state === 'set_aside'),
    })),
    page,
    filter,
    now: clock.now(),
  }
}
