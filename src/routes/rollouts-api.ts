import { actorName } from '../accounts/actor-name'
import { imagesOf, listReleases, type ReleaseRow } from '../releases/release'
import { countRunning } from '../releases/report'
import { listRollouts } from '../rollouts/report'
import { getRollout, isHeldByItself } from '../rollouts/rollout'
import { listTargets } from '../rollouts/target-report'
import { skipTarget } from '../rollouts/verbs'
import type { Services } from '../services'
import { wanted } from './admin'
import { json } from './answer'
import { begin, deployOfBody, foresee, onlyBlueprint } from './deploy-asked'
import { planFacts } from './deploy-plan'
import { releaseFilter } from './releases'
import { readJson } from './request'
import { doVerb, ROLLOUT_VERBS, type RolloutVerb, targetFilter } from './rollouts'
import { rolloutData, rolloutFilter } from './rollouts-data'
import { type Call, type Route, routes } from './route'

/** Releases and rollouts for programs. */
export const rolloutApiRoutes = routes(
  {
    method: 'GET',
    path: '/api/admin/releases',
    policy: 'operator_api',
    handle: (call) => json(releasesAnswer(call)),
  },
  {
    method: 'POST',
    path: '/api/admin/deploy',
    policy: 'operator_api',
    handle: async (call) => {
      const asked = deployOfBody(await readJson(call.request), call.services)
      const { rolloutId, releaseId } = await begin(call, asked)
      return json({ rollout_id: rolloutId, release_id: releaseId }, 202)
    },
  },
  {
    method: 'POST',
    path: '/api/admin/deploy/plan',
    policy: 'operator_api',
    handle: async ({ services, request, actor }) => {
      const asked = deployOfBody(await readJson(request), services)
      const prospect = await foresee(services, asked, actor)
      return json({
        release: foreseenFacts(prospect.release),
        ...planFacts(prospect, asked.acceptsNoWayBack),
      })
    },
  },
  {
    method: 'GET',
    path: '/api/admin/rollouts',
    policy: 'operator_api',
    handle: (call) => {
      const { read } = call.services.db
      const { rows, ...page } = listRollouts(read, rolloutFilter(call), wanted(call))
      const rollouts = rows.map((row) => ({
        id: row.id,
        blueprint: row.blueprint,
        release: row.tag,
        status: row.status,
        reason: row.reason,
        settled: row.settled,
        total: row.total,
        failed: row.failed,
        created_by: actorName(read, row.createdBy),
        created_at: row.createdAt,
        finished_at: row.finishedAt,
      }))
      return json({ rollouts, page: page.number, per_page: page.size, total: page.total })
    },
  },
  {
    method: 'GET',
    path: '/api/admin/rollouts/:id',
    policy: 'operator_api',
    handle: ({ services, params }) => json(rolloutFacts(services, params.id ?? '')),
  },
  {
    method: 'GET',
    path: '/api/admin/rollouts/:id/targets',
    policy: 'operator_api',
    handle: (call) => json(targetsAnswer(call)),
  },
  {
    method: 'POST',
    path: '/api/admin/rollouts/:id/targets/:tenant/skip',
    policy: 'operator_api',
    handle: (call) => {
      const tenantId = call.params.tenant ?? ''
      return actForProgram(call, (tx, _, id, asked) => skipTarget(tx, id, tenantId, asked))
    },
  },
  ...Object.entries(ROLLOUT_VERBS).map(
    ([noun, verb]): Route => ({
      method: 'POST',
      path: `/api/admin/rollouts/:id/${noun}`,
      policy: 'operator_api',
      handle: (call) => actForProgram(call, verb),
    }),
  ),
)

function actForProgram(call: Call, verb: RolloutVerb): Response {
  doVerb(call, verb)
  return json(rolloutFacts(call.services, call.params.id ?? ''))
}

/** A rollout as the API tells it. Throws `not_found`. */
function rolloutFacts(services: Services, rolloutId: string) {
  const data = rolloutData(services, rolloutId)
  return {
    id: data.id,
    url: `${services.settings.baseUrl}/admin/rollouts/${data.id}`,
    blueprint: data.blueprint,
    release: data.tag,
    release_id: getRollout(services.db.read, rolloutId).releaseId,
    status: data.status,
    held_by_itself: isHeldByItself(services.db.read, data),
    reason: data.reason,
    wave: data.wave + 1,
    waves: data.waves.map((wave) => ({
      number: wave.number + 1,
      size: wave.size,
      state: wave.state,
      counts: wave.counts,
      failed: wave.failed,
      bakes_until: wave.bakesUntil,
    })),
    counts: data.counts,
    total: data.total,
    failed: data.failed,
    stop_at: data.stopAt,
    remaining_ms: data.remainingMs,
    failures: data.failures.map(({ tenants, ...cause }) => ({
      ...cause,
      tenants: tenants.map(({ id, subdomain, runId }) => ({ id, subdomain, run_id: runId })),
    })),
    set_aside: data.setAside,
    can: {
      hold: data.can.hold,
      resume: data.can.resume,
      abort: data.can.abort,
      go_back: data.can.goBack,
    },
    created_by: data.by,
    created_at: data.createdAt,
    finished_at: data.finishedAt,
  }
}

function targetsAnswer(call: Call) {
  const { read } = call.services.db
  const { id } = getRollout(read, call.params.id ?? '')
  const { rows, ...page } = listTargets(read, id, targetFilter(call), wanted(call))
  const targets = rows.map((row) => ({
    tenant_id: row.tenantId,
    subdomain: row.subdomain,
    wave: row.wave + 1,
    state: row.state,
    former_release: row.formerRelease,
    failed_part: row.failedPart,
    reason: row.reason,
    run_id: row.runId,
    updated_at: row.updatedAt,
  }))
  return { targets, page: page.number, per_page: page.size, total: page.total }
}

function releasesAnswer(call: Call) {
  const { services, url } = call
  const blueprint = url.searchParams.get('blueprint') ?? onlyBlueprint(services)
  const { name } = services.catalog.blueprint(blueprint)
  const { rows, ...page } = listReleases(services.db.read, releaseFilter(call, name), wanted(call))
  const running = countRunning(services.db.read)
  const releases = rows.map((row) => ({ ...releaseFacts(services, row), tenants: running.get(row.id) ?? 0 }))
  return { releases, page: page.number, per_page: page.size, total: page.total }
}

/** A release as the API tells it. */
function releaseFacts({ db }: Services, row: ReleaseRow) {
  const { id, createdBy, createdAt } = row
  return {
    id,
    ...foreseenFacts(row),
    created_by: actorName(db.read, createdBy),
    created_at: createdAt,
  }
}

/** What the API tells of one that nobody may have got yet: so nobody has made it known, and it has no id. */
export function foreseenFacts(row: ReleaseRow) {
  const { blueprint, tag, notes, migration, backup } = row
  return { blueprint, tag, notes, migration, backup, images: imagesOf(row) }
}
