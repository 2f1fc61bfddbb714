import type { EffectView } from '../../views/admin/effects'
import { Run, type RunData, RunPage } from '../../views/admin/run'
import type { DeployWork } from '../deployments/work'
import { foreseeRetry } from '../lifecycle/foresight'
import { lossesOfUndo } from '../lifecycle/losses'
import { cancel, remediesFor, retry, undo } from '../lifecycle/mend'
import { effectsOfRun, logOf } from '../runs/list'
import { getRun, type RunRow } from '../runs/run'
import { stepsOf } from '../runs/steps'
import { usualRunMs } from '../runs/usual'
import type { Services } from '../services'
import type { EffectRow } from '../tenants/story'
import { getTenant } from '../tenants/tenant'
import { operatorOf } from './admin'
import { json, redirect } from './answer'
import { type Call, routes } from './route'

/** One run: its page, and what an operator can do about it. */
export const runRoutes = routes(
  {
    method: 'GET',
    path: '/admin/runs/:id',
    policy: 'operator',
    handle: (call) => {
      const id = call.params.id ?? ''
      const eventsUrl = `/admin/runs/${id}/events`
      return RunPage({ operator: operatorOf(call), eventsUrl, ...runData(call.services, id) })
    },
  },
  {
    method: 'GET',
    path: '/admin/runs/:id/events',
    policy: 'operator',
    handle: (call) => {
      const { id } = getRun(call.services.db.read, call.params.id ?? '')
      return call.live.open(call, () => Run(runData(call.services, id)))
    },
  },
  {
    method: 'POST',
    path: '/admin/runs/:id/retry',
    policy: 'operator',
    handle: (call) => redirect(`/admin/runs/${mend(call, retry)}`),
  },
  {
    method: 'POST',
    path: '/admin/runs/:id/cancellation',
    policy: 'operator',
    handle: (call) => redirect(`/admin/runs/${mend(call, cancel)}`),
  },
  {
    method: 'GET',
    path: '/api/admin/runs/:id',
    policy: 'operator_api',
    handle: ({ services, params }) => {
      const run = getRun(services.db.read, params.id ?? '')
      return json(runAnswer(services, run))
    },
  },
  {
    method: 'POST',
    path: '/api/admin/runs/:id/retry',
    policy: 'operator_api',
    handle: (call) => json({ run_id: mend(call, retry) }, 202),
  },
  {
    method: 'POST',
    path: '/api/admin/runs/:id/undo',
    policy: 'operator_api',
    handle: (call) => json({ run_id: mend(call, undo) }, 202),
  },
  {
    method: 'POST',
    path: '/api/admin/runs/:id/cancel',
    policy: 'operator_api',
    handle: (call) => json({ run_id: mend(call, cancel) }, 202),
  },
)

/** A run as the API tells it, without its steps. */
export function runFacts(run: RunRow) {
  return {
    id: run.id,
    kind: run.kind,
    status: run.status,
    direction: run.direction,
    reason: run.reason,
    created_at: run.createdAt,
    started_at: run.startedAt,
    finished_at: run.finishedAt,
  }
}

/** An effect as pages show it. */
function effectView(row: EffectRow): EffectView {
  const summary = Object.entries(JSON.parse(row.summary) as Record<string, unknown>)
  const words = (name: string) => name.replace(/[A-Z]/g, (capital) => ` ${capital.toLowerCase()}`)
  return { ...row, summary: summary.map(([name, value]) => ({ name: words(name), value: String(value) })) }
}

/** Does one of the verbs that mend a run; returns its id. */
function mend({ services, params, actor }: Call, verb: typeof retry): string {
  const { db, clock } = services
  return db.write((tx) => verb(tx, services, params.id ?? '', actor, clock.now())).id
}

function runAnswer(services: Services, run: RunRow) {
  const { read } = services.db
  const { id, subdomain } = getTenant(read, run.tenantId)
  const { canRetry, canUndo, canCancel } = remediesFor(read, services, run)
  return {
    ...runFacts(run),
    tenant: { id, subdomain },
    steps: stepsOf(read, run.id).map(({ name, title, status, reason, attempts, startedAt, finishedAt }) => ({
      name,
      title,
      status,
      reason,
      attempts,
      started_at: startedAt,
      finished_at: finishedAt,
    })),
    can_retry: canRetry,
    can_undo: canUndo,
    can_cancel: canCancel,
    undo_losses: canUndo ? lossesOfUndo(read, run) : [],
  }
}

function runData(services: Services, runId: string): RunData {
  const { db, clock } = services
  const run = getRun(db.read, runId)
  const tenant = getTenant(db.read, run.tenantId)
  const effects = effectsOfRun(db.read, runId)
  const remedies = remediesFor(db.read, services, run)
  return {
    ...run,
    tenant: { id: tenant.id, subdomain: tenant.subdomain },
    deploy: deployIn(run),
    steps: stepsOf(db.read, runId).map((step) => ({
      ...step,
      skipped: skippedIn(step.output),
      effects: effects.filter((effect) => effect.step === step.name).map(effectView),
    })),
    log: logOf(db.read, runId),
    // A deletion waits for as long as a person has said.
    usualMs: run.kind === 'delete' ? null : usualRunMs(db.read, run.kind),
    ...remedies,
    preview: remedies.canRetry ? foreseeRetry(services, run) : null,
    now: clock.now(),
  }
}

/** Why a step had nothing to do, as it said itself. */
function skippedIn(output: string | null): string | null {
  const { skipped } = JSON.parse(output ?? '{}') as { skipped?: unknown }
  return typeof skipped === 'string' ? skipped : null
}

function deployIn({ kind, input }: RunRow): RunData['deploy'] {
  if (kind !== 'deploy') return null
  const { release, formerRelease, rolloutId } = JSON.parse(input) as DeployWork
  return { release, former: formerRelease, rolloutId: rolloutId ?? null }
}
