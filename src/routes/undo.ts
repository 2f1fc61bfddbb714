import { UndoPage } from '../../views/admin/undo'
import type { Reader } from '../db/open'
import { foreseeUndo } from '../lifecycle/foresight'
import { undo } from '../lifecycle/mend'
import { getRun } from '../runs/run'
import { dnsRecordOf, getTenant, serverOf } from '../tenants/tenant'
import { operatorOf } from './admin'
import { page, redirect } from './answer'
import { readForm } from './request'
import { type Call, routes } from './route'

/** The question before a failed run is taken back, and its answer. */
export const undoRoutes = routes(
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

function undoProps(call: Call) {
  const { services } = call
  const { db } = services
  const run = getRun(db.read, call.params.id ?? '')
  const tenant = getTenant(db.read, run.tenantId)
  const losses = run.kind === 'provision' ? everything(db.read, tenant.id) : []
  const preview = foreseeUndo(services, run)
  return {
    operator: operatorOf(call),
    run: { id: run.id },
    tenant,
    preview,
    losses,
    now: services.clock.now(),
  }
}

/** What a provisioning has made so far. */
function everything(db: Reader, tenantId: string): string[] {
  const server = serverOf(db, tenantId)
  const record = dnsRecordOf(db, tenantId)
  return [
    server.externalId
      ? `The server ${server.name}${server.ipv4 ? ` (${server.ipv4})` : ''} and everything on it`
      : 'Any server that was begun',
    ...(record && !record.deletedAt ? [`The DNS record ${record.name}`] : []),
    'The secrets that were made for this tenant',
  ]
}
