import type { DriftData, LookView } from '../../views/admin/drift'
import type { Appliance, FindingView } from '../../views/admin/drift-findings'
import { ATLAS } from '../audit'
import type { PageWanted } from '../db/page'
import { COSTING, KINDS, type Kind } from '../reconcile/difference'
import {
  applicable,
  BY_ITSELF,
  countFindings,
  countOpenFindings,
  FINDING_SORTS,
  type FindingFilter,
  type FindingRow,
  listFindings,
  mayApplyAt,
  monthlyCost,
  readFinding,
} from '../reconcile/findings'
import { countsOf, latestReconciliation, type ReconciliationRow, unlistedOf } from '../reconcile/reconcile'
import { remedyOf } from '../reconcile/remedy'
import { describe, LABELS, SOURCE_WORDS } from '../reconcile/words'
import type { Services } from '../services'
import { choice, orderOf, searchOf } from './admin'
import type { Call } from './route'

const MOST_URGENT = { sort: 'urgency', dir: 'asc' } as const
const LATEST = { sort: 'resolved', dir: 'desc' } as const
const STATUSES = ['ignored', 'resolved'] as const
const NUMBER = new Intl.NumberFormat('en-US')

/** Everything that the page of drift says. */
export function driftData({ db, clock }: Services, filter: FindingFilter, wanted: PageWanted): DriftData {
  const { read } = db
  const { rows, ...page } = listFindings(read, filter, wanted)
  const look = latestReconciliation(read)
  const kinds = countFindings(read, filter)
  return {
    look: look ? lookView(look) : null,
    findings: rows.map(findingView),
    page,
    filter,
    kinds: kinds.map(({ kind, count }) => ({ kind, count, label: LABELS[kind] })),
    open: countOpenFindings(read),
    ignored: countFindings(read, { status: 'ignored' }).reduce((sum, { count }) => sum + count, 0),
    cost: monthlyCost(read),
    applicable: applicable(read).length,
    now: clock.now(),
  }
}

/** The filter that a query asks for; what is not known is left out. */
export function driftFilter(call: Call): FindingFilter {
  const status = choice(call, 'status', STATUSES) || 'open'
  const usual = status === 'resolved' ? LATEST : MOST_URGENT
  const order = orderOf(call, FINDING_SORTS, usual)
  return { q: searchOf(call), status, kind: choice(call, 'kind', KINDS), ...order }
}

const SEEN = [
  ['servers', 'server'],
  ['addresses', 'address'],
  ['images', 'image'],
  ['volumes', 'volume'],
  ['backups', 'backup'],
  ['records', 'record'],
  ['subscriptions', 'subscription'],
] as const

function lookView(look: ReconciliationRow): LookView {
  const counts = countsOf(look)
  const seen = SEEN.flatMap(([many, one]) => {
    const count = counts[many]
    return count === undefined ? [] : [`${NUMBER.format(count)} ${count === 1 ? one : many}`]
  })
  const { status, startedAt, finishedAt, error } = look
  const unlisted = unlistedOf(look).map((one) => ({ ...one, source: SOURCE_WORDS[one.source] }))
  return { status, startedAt, finishedAt, seen, unlisted, mended: counts.mended ?? 0, error }
}

/** A finding as pages show it. */
export function findingView(row: FindingRow): FindingView {
  const { kind, facts, remedy } = readFinding(row)
  const { monthlyAmount: amount, currency } = row
  const tenant = typeof facts.tenant === 'string' && row.tenantId ? facts.tenant : null
  return {
    id: row.id,
    label: LABELS[kind] ?? kind,
    ...describe(kind, facts, remedy),
    tenant: tenant && row.tenantId ? { id: row.tenantId, subdomain: tenant } : null,
    cost: amount !== null && currency !== null ? { amount, currency } : null,
    hasUnknownPrice: amount === null && COSTING.includes(kind),
    appliance: applianceOf(row),
    deed: row.remedy === null ? deedFor(kind, row.tenantId) : null,
    button: remedyOf(row.remedy)?.button ?? '',
    status: row.status,
    sightings: row.sightings,
    firstSeenAt: row.firstSeenAt,
    error: row.error,
    resolved: row.resolvedAt === null ? null : { by: byWhom(row), at: row.resolvedAt },
  }
}

/** Whose mending has a page of the tenant's: what words.ts tells a person to do. */
const DEEDS: Partial<Record<Kind, { page: string; label: string }>> = {
  server_gone: { page: 'move', label: 'Move to a new server' },
  tenant_without_payer: { page: 'deletion', label: 'Delete the tenant' },
  server_small: { page: 'plan', label: 'Change the plan' },
  plan_differs: { page: 'plan', label: 'Change the plan' },
}

function deedFor(kind: Kind, tenantId: string | null): FindingView['deed'] {
  const deed = DEEDS[kind]
  return deed && tenantId ? { href: `/admin/tenants/${tenantId}/${deed.page}`, label: deed.label } : null
}

function applianceOf(row: FindingRow): Appliance {
  const when = mayApplyAt(row)
  if (when === null) return 'by_hand'
  if (when !== 'now') return { after: when }
  return remedyOf(row.remedy)?.deletes ? 'asked' : 'now'
}

function byWhom({ resolvedBy }: FindingRow): string {
  if (resolvedBy === BY_ITSELF) return 'Not seen any more'
  return resolvedBy === ATLAS.id ? 'Put right by Atlas itself' : 'Applied by a person'
}
