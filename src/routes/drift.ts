import { Drift, DriftPage } from '../../views/admin/drift'
import { ConfirmAllPage, ConfirmFindingPage } from '../../views/admin/drift-confirm'
import { conflict } from '../errors'
import { applyFinding } from '../reconcile/apply'
import {
  applicable,
  getFinding,
  heedFinding,
  ignoreFinding,
  mayApplyAt,
  readFinding,
} from '../reconcile/findings'
import { beginReconciliation, type ReconcileOptions } from '../reconcile/reconcile'
import { remedyOf } from '../reconcile/remedy'
import { describe } from '../reconcile/words'
import type { Services } from '../services'
import { operatorOf, wanted } from './admin'
import { page, redirect } from './answer'
import { driftData, driftFilter, findingView } from './drift-data'
import { readForm } from './request'
import { type Call, routes } from './route'

const PATH = '/admin/drift'

/** Where the clouds and our rows do not agree: the page, and what an operator can do about it. */
export const driftRoutes = routes(
  {
    method: 'GET',
    path: '/admin/drift',
    policy: 'operator',
    handle: (call) => {
      const eventsUrl = `${PATH}/events${call.url.search}`
      const data = driftData(call.services, driftFilter(call), wanted(call))
      return DriftPage({ operator: operatorOf(call), eventsUrl, ...data })
    },
  },
  {
    method: 'GET',
    path: '/admin/drift/events',
    policy: 'operator',
    handle: (call) =>
      call.live.open(call, () => Drift(driftData(call.services, driftFilter(call), wanted(call)))),
  },
  {
    method: 'POST',
    path: '/admin/drift/looks',
    policy: 'operator',
    handle: ({ services, actor }) => {
      beginLook(services, { actor })
      return redirect(PATH)
    },
  },
  {
    method: 'GET',
    path: '/admin/drift/application',
    policy: 'operator',
    handle: (call) => ConfirmAllPage(allProps(call)),
  },
  {
    method: 'POST',
    path: '/admin/drift/application',
    policy: 'operator',
    handle: async (call) => {
      const props = allProps(call)
      const { confirmation = '' } = await readForm(call.request)
      if (props.deletes.length > 0 && confirmation.trim() !== props.phrase) {
        const error = `Type ${props.phrase} to make sure that this is meant.`
        return page(ConfirmAllPage({ ...props, value: confirmation, error }), 422)
      }
      // What this look is the first to confirm was not shown to anybody yet.
      beginLook(call.services, { actor: call.actor, apply: ({ id }) => props.ids.has(id) })
      return redirect(PATH)
    },
  },
  {
    method: 'GET',
    path: '/admin/drift/:id/application',
    policy: 'operator',
    handle: (call) => ConfirmFindingPage(oneProps(call)),
  },
  {
    method: 'POST',
    path: '/admin/drift/:id/application',
    policy: 'operator',
    handle: async (call) => {
      const { services, actor, request } = call
      const { finding, name, deletes, operator } = oneProps(call)
      const { confirmation = '' } = await readForm(request)
      if (deletes && confirmation.trim() !== name) {
        const error = `Type ${name} to make sure that this is the one.`
        return page(ConfirmFindingPage({ operator, finding, name, value: confirmation, error }), 422)
      }
      await applyFinding(services, finding.id, actor)
      return redirect(PATH + call.url.search)
    },
  },
  {
    method: 'POST',
    path: '/admin/drift/:id/exemption',
    policy: 'operator',
    handle: ({ services: { db, clock }, params, url, actor }) => {
      db.write((tx) => ignoreFinding(tx, params.id ?? '', actor, clock.now()))
      return redirect(PATH + url.search)
    },
  },
  {
    method: 'POST',
    path: '/admin/drift/:id/exemption-withdrawal',
    policy: 'operator',
    handle: ({ services: { db, clock }, params, url, actor }) => {
      db.write((tx) => heedFinding(tx, params.id ?? '', actor, clock.now()))
      return redirect(PATH + url.search)
    },
  },
)

/** Begins a look that goes on when the answer is sent; its page and its row tell how it went. */
export function beginLook(services: Services, options: ReconcileOptions): string {
  const { id, done } = beginReconciliation(services, options)
  done.catch((thrown) => services.log.error('a look at the clouds broke', thrown, { reconciliation: id }))
  return id
}

function oneProps(call: Call) {
  const { read } = call.services.db
  const row = getFinding(read, call.params.id ?? '')
  const { kind, facts, remedy } = readFinding(row)
  if (!remedy) throw conflict('Atlas can do nothing about this by itself.')
  const finding = { ...findingView(row), ...describe(kind, facts, remedy) }
  const name = facts.server ?? facts.name ?? facts.address ?? facts.volume ?? row.externalId
  return {
    operator: operatorOf(call),
    finding,
    name: String(name),
    deletes: remedyOf(remedy)?.deletes === true && mayApplyAt(row) === 'now',
  }
}

function allProps(call: Call) {
  const rows = applicable(call.services.db.read)
  const now = rows.map((row) => {
    const { kind, facts, remedy } = readFinding(row)
    const { title, would } = describe(kind, facts, remedy)
    return { deletes: remedyOf(remedy)?.deletes === true, line: `${title}. ${would}` }
  })
  const lines = (deletes: boolean) => now.filter((one) => one.deletes === deletes).map(({ line }) => line)
  const deletes = lines(true)
  const ids = new Set(rows.map(({ id }) => id))
  return {
    operator: operatorOf(call),
    deletes,
    others: lines(false),
    ids,
    phrase: `delete ${deletes.length}`,
  }
}
