import { applyFinding } from '../reconcile/apply'
import {
  applicable,
  type FindingRow,
  getFinding,
  heedFinding,
  ignoreFinding,
  listFindings,
  mayApplyAt,
  monthlyCost,
  readFinding,
} from '../reconcile/findings'
import {
  countsOf,
  getReconciliation,
  latestReconciliation,
  type ReconciliationRow,
  unlistedOf,
} from '../reconcile/reconcile'
import { remedyOf } from '../reconcile/remedy'
import { describe } from '../reconcile/words'
import { wanted } from './admin'
import { json } from './answer'
import { beginLook } from './drift'
import { driftFilter } from './drift-data'
import { readJson } from './request'
import { type Call, routes } from './route'

/** Drift for programs. */
export const driftApiRoutes = routes(
  {
    method: 'GET',
    path: '/api/admin/drift',
    policy: 'operator_api',
    handle: (call) => {
      const { read } = call.services.db
      const { rows, ...page } = listFindings(read, driftFilter(call), wanted(call))
      const look = latestReconciliation(read)
      const { known, unknown } = monthlyCost(read)
      return json({
        look: look ? lookFacts(look) : null,
        cost_per_month: known,
        cost_unknown: unknown,
        findings: rows.map(findingFacts),
        page: page.number,
        per_page: page.size,
        total: page.total,
      })
    },
  },
  {
    method: 'POST',
    path: '/api/admin/drift/looks',
    policy: 'operator_api',
    handle: async ({ services, request, actor }) => {
      const { apply } = await readJson(request)
      const seen = new Set(applicable(services.db.read).map(({ id }) => id))
      // A deletion that this very look is the first to confirm was shown to nobody yet.
      const may = ({ id, remedy }: FindingRow) => seen.has(id) || remedyOf(remedy)?.deletes === false
      const options = { actor, ...(apply === true && { apply: may }) }
      return json({ look_id: beginLook(services, options) }, 202)
    },
  },
  {
    method: 'GET',
    path: '/api/admin/drift/looks/:id',
    policy: 'operator_api',
    handle: ({ services, params }) => json(lookFacts(getReconciliation(services.db.read, params.id ?? ''))),
  },
  {
    method: 'POST',
    path: '/api/admin/drift/findings/:id/application',
    policy: 'operator_api',
    handle: async (call) => {
      await applyFinding(call.services, call.params.id ?? '', call.actor)
      return json(findingAsked(call))
    },
  },
  {
    method: 'POST',
    path: '/api/admin/drift/findings/:id/exemption',
    policy: 'operator_api',
    handle: (call) => {
      const { db, clock } = call.services
      db.write((tx) => ignoreFinding(tx, call.params.id ?? '', call.actor, clock.now()))
      return json(findingAsked(call))
    },
  },
  {
    method: 'DELETE',
    path: '/api/admin/drift/findings/:id/exemption',
    policy: 'operator_api',
    handle: (call) => {
      const { db, clock } = call.services
      db.write((tx) => heedFinding(tx, call.params.id ?? '', call.actor, clock.now()))
      return json(findingAsked(call))
    },
  },
)

function findingAsked({ services, params }: Call) {
  return findingFacts(getFinding(services.db.read, params.id ?? ''))
}

function lookFacts(look: ReconciliationRow) {
  const { id, status, startedAt, finishedAt, error } = look
  const times = { started_at: startedAt, finished_at: finishedAt }
  return { id, status, ...times, counts: countsOf(look), unlisted: unlistedOf(look), error }
}

function findingFacts(row: FindingRow) {
  const { kind, facts, remedy } = readFinding(row)
  const { title, would } = describe(kind, facts, remedy)
  const when = mayApplyAt(row)
  const { monthlyAmount: amount, currency } = row
  return {
    id: row.id,
    kind,
    status: row.status,
    title,
    would,
    remedy,
    deletes: remedyOf(remedy)?.deletes ?? false,
    may_apply: when === 'now',
    confirmed_after: typeof when === 'number' ? when : null,
    tenant_id: row.tenantId,
    external_id: row.externalId,
    facts,
    cost_per_month: amount !== null && currency !== null ? { amount, currency } : null,
    sightings: row.sightings,
    first_seen_at: row.firstSeenAt,
    last_seen_at: row.lastSeenAt,
    error: row.error,
    resolved_at: row.resolvedAt,
    resolved_by: row.resolvedBy,
  }
}
