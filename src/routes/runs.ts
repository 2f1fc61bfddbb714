import type { EffectView } from '../../views/admin/effects'
import { Run, type RunData, RunPage } from '../../views/admin/run'
import { UndoPage } from '../../views/admin/undo'
import { cancel, remediesFor, retry, undo } from '../lifecycle/mend'
import { effectsOfRun, logOf } from '../runs/list'
import { getRun } from '../runs/run'
import { stepsOf } from '../runs/steps'
import type { Services } from '../services'
import type { EffectRow } from '../tenants/story'
import { dnsRecordOf, getTenant, serverOf } from '../tenants/tenant'
import { operatorOf } from './admin'
import { page, redirect } from './answer'
import { readForm } from './request'
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
    handle: ({ services, params, actor }) => {
      const { db, clock } = services
      const id = params.id ?? ''
      db.write((tx) => retry(tx, services, id, actor, clock.now()))
      return redirect(`/admin/runs/${id}`)
    },
  },
  {
    method: 'POST',
    path: '/admin/runs/:id/cancellation',
    policy: 'operator',
    handle: ({ services, params, actor }) => {
      const { db, clock } = services
      const id = params.id ?? ''
      db.write((tx) => cancel(tx, services, id, actor, clock.now()))
      return redirect(`/admin/runs/${id}`)
    },
  },
  {
    method: 'GET',
    path: '/admin/runs/:id/undo',
    policy: 'operator',
    handle: (call) => UndoPage(undoProps(call)),
  },
  {
    method: 'POST',
    path: '/admin/runs/:id/undo',
    policy: 'operator',
    handle: async (call) => {
      const { services, params, actor, request } = call
      const props = undoProps(call)
      const { confirmation = '' } = await readForm(request)
      if (confirmation.trim() !== props.tenant.subdomain) {
        const error = `Type ${props.tenant.subdomain} to make sure that this is the one.`
        return page(UndoPage({ ...props, value: confirmation, error }), 422)
      }
      services.db.write((tx) => undo(tx, services, params.id ?? '', actor, services.clock.now()))
      return redirect(`/admin/runs/${params.id}`)
    },
  },
)

/** An effect as pages show it. */
export function effectView(row: EffectRow): EffectView {
  const summary = Object.entries(JSON.parse(row.summary) as Record<string, unknown>)
  const words = (name: string) => name.replace(/[A-Z]/g, (capital) => ` ${capital.toLowerCase()}`)
  return { ...row, summary: summary.map(([name, value]) => ({ name: words(name), value: String(value) })) }
}

function runData(services: Services, runId: string): RunData {
  const { db, clock } = services
  const run = getRun(db.read, runId)
  const tenant = getTenant(db.read, run.tenantId)
  const effects = effectsOfRun(db.read, runId)
  return {
    ...run,
    tenant: { id: tenant.id, subdomain: tenant.subdomain },
    steps: stepsOf(db.read, runId).map((step) => ({
      ...step,
      effects: effects.filter((effect) => effect.step === step.name).map(effectView),
    })),
    log: logOf(db.read, runId),
    ...remediesFor(db.read, services, run),
    now: clock.now(),
  }
}

function undoProps(call: Call) {
  const { db } = call.services
  const run = getRun(db.read, call.params.id ?? '')
  const tenant = getTenant(db.read, run.tenantId)
  const server = serverOf(db.read, tenant.id)
  const record = dnsRecordOf(db.read, tenant.id)
  const losses = [
    server.externalId
      ? `The server ${server.name}${server.ipv4 ? ` (${server.ipv4})` : ''} and everything on it`
      : 'Any server that was begun',
    ...(record && !record.deletedAt ? [`The DNS record ${record.name}`] : []),
    'The secrets that were made for this tenant',
  ]
  return { operator: operatorOf(call), run: { id: run.id }, tenant, losses }
}
