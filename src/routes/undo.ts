import { UndoPage } from '../../views/admin/undo'
import { foreseeUndo } from '../lifecycle/foresight'
import { lossesOfUndo } from '../lifecycle/losses'
import { undo } from '../lifecycle/mend'
import { getRun } from '../runs/run'
import { getTenant } from '../tenants/tenant'
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
  const preview = foreseeUndo(services, run)
  return {
    operator: operatorOf(call),
    run: { id: run.id, kind: run.kind },
    tenant,
    preview,
    losses: lossesOfUndo(db.read, run),
    now: services.clock.now(),
  }
}
