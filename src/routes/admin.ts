import { Overview, type OverviewData, OverviewPage } from '../../views/admin/overview'
import { type RunRow as ListedRunView, runKinds } from '../../views/admin/run-list'
import { RunsPage } from '../../views/admin/runs'
import { SignupsPage } from '../../views/admin/signups'
import { TenantsPage } from '../../views/admin/tenants'
import { monthlyRevenue, monthStart, paidSince } from '../billing/money'
import { type Order, PAGE_SIZE, type PageWanted, type Sorts } from '../db/page'
import { countHealth, longestDown } from '../health/report'
import { countOpenFindings } from '../reconcile/findings'
import { listRollouts, waitingRollouts } from '../rollouts/report'
import { listRuns, listStoppedRuns, RUN_SORTS } from '../runs/list'
import type { Services } from '../services'
import { listSignups, SIGNUP_SORTS, waitingSignups } from '../signups/list'
import { SIGNUP_TRANSITIONS, type SignupStatus } from '../signups/status'
import { countTenants, listTenants, TENANT_SORTS, type TenantFilter } from '../tenants/list'
import { TENANT_TRANSITIONS, type TenantStatus } from '../tenants/status'
import { quotasData } from './quotas'
import { type Call, routes } from './route'
import { troubles } from './troubles'

const NEEDING_ME_MAX = 20
const UNDER_WAY_MAX = 5
const LATEST_RUNS = 8
const DOWN_MAX = 5
// Of runs and rollouts.
const NEWEST = { sort: 'begun', dir: 'desc' } as const
const RUN_STATUSES = ['queued', 'running', 'waiting', 'succeeded', 'failed', 'cancelled'] as const

/** The operator's overview and lists. */
export const adminRoutes = routes(
  {
    method: 'GET',
    path: '/admin',
    policy: 'operator',
    handle: (call) =>
      OverviewPage({ operator: operatorOf(call), eventsUrl: '/admin/events', ...overview(call.services) }),
  },
  {
    method: 'GET',
    path: '/admin/events',
    policy: 'operator',
    handle: (call) => call.live.open(call, () => Overview(overview(call.services))),
  },
  {
    method: 'GET',
    path: '/admin/signups',
    policy: 'operator',
    handle: (call) => {
      const { services } = call
      const filter = {
        q: searchOf(call),
        status: choice<SignupStatus>(call, 'status', keysOf(SIGNUP_TRANSITIONS)),
        ...orderOf(call, SIGNUP_SORTS, { sort: 'created', dir: 'desc' }),
      }
      const { rows, ...page } = listSignups(services.db.read, filter, wanted(call))
      const signups = rows.map((row) => ({ ...row, price: { amount: row.amount, currency: row.currency } }))
      return SignupsPage({ operator: operatorOf(call), signups, page, filter, now: services.clock.now() })
    },
  },
  {
    method: 'GET',
    path: '/admin/tenants',
    policy: 'operator',
    handle: (call) => {
      const { services } = call
      const plans = services.catalog.offers.map(({ id, plan }) => ({ key: id, name: plan.name }))
      const filter = tenantFilter(call)
      const { rows, ...page } = listTenants(services.db.read, filter, wanted(call))
      const operator = operatorOf(call)
      return TenantsPage({ operator, tenants: rows, page, filter, plans, now: services.clock.now() })
    },
  },
  {
    method: 'GET',
    path: '/admin/runs',
    policy: 'operator',
    handle: (call) => {
      const { services } = call
      const order = orderOf(call, RUN_SORTS, NEWEST)
      const kinds = runKinds.map(({ value }) => value)
      const kind = choice(call, 'kind', kinds)
      const filter = { q: searchOf(call), status: choice(call, 'status', RUN_STATUSES), kind, ...order }
      const { rows, ...page } = listRuns(services.db.read, filter, wanted(call))
      const runs = rows.map(runView)
      return RunsPage({ operator: operatorOf(call), runs, page, filter, now: services.clock.now() })
    },
  },
)

/** Whose dashboard it is; a policy has made sure that there is a session. */
export function operatorOf({ session, services }: Call) {
  const openFindings = countOpenFindings(services.db.read)
  return { email: session?.email ?? '', shopName: services.catalog.front.shop.name, openFindings }
}

/** The filter of the tenants' list from a query; what is not known is left out. */
export function tenantFilter(call: Call): TenantFilter {
  return {
    q: searchOf(call),
    status: choice<TenantStatus>(call, 'status', keysOf(TENANT_TRANSITIONS)),
    plan: choice(
      call,
      'plan',
      call.services.catalog.offers.map(({ id }) => id),
    ),
    ...orderOf(call, TENANT_SORTS, { sort: 'created', dir: 'desc' }),
  }
}

/** The order of a list that a query asks for, or the usual one. */
export function orderOf<Sort extends string>(
  call: Call,
  sorts: Sorts<Sort>,
  usual: Order<Sort>,
): Order<Sort> {
  return {
    sort: choice(call, 'sort', keysOf(sorts)) || usual.sort,
    dir: choice(call, 'dir', ['asc', 'desc']) || usual.dir,
  }
}

/** The page of a list that a query asks for. */
export function wanted({ url }: Call): PageWanted {
  const asked = Number(url.searchParams.get('page'))
  return { number: Number.isInteger(asked) && asked > 0 && asked < 1e6 ? asked : 1, size: PAGE_SIZE }
}

function overview(services: Services): OverviewData {
  const { db, clock } = services
  const now = clock.now()
  const paid = paidSince(db.read, monthStart(now))
  // One more than is shown says whether there are more.
  const waiting = waitingSignups(db.read, NEEDING_ME_MAX + 1)
  const failedRuns = listStoppedRuns(db.read, NEEDING_ME_MAX + 1)
  const unresolved = troubles(services, NEEDING_ME_MAX + 1)
  return {
    waiting: waiting.slice(0, NEEDING_ME_MAX).map((row) => ({
      ...row,
      price: { amount: row.amount, currency: row.currency },
      paidAt: row.paidAt ?? row.createdAt,
    })),
    failedRuns: failedRuns.slice(0, NEEDING_ME_MAX).map(runView),
    rollouts: waitingRollouts(db.read),
    underWay: (['running', 'going_back'] as const).flatMap(
      (status) =>
        listRollouts(db.read, { q: '', status, ...NEWEST }, { number: 1, size: UNDER_WAY_MAX }).rows,
    ),
    room: quotasData(services),
    troubles: unresolved.slice(0, NEEDING_ME_MAX),
    more: {
      failedRuns: failedRuns.length > NEEDING_ME_MAX,
      troubles: unresolved.length > NEEDING_ME_MAX,
      waiting: waiting.length > NEEDING_ME_MAX,
    },
    health: {
      counts: countHealth(db.read),
      down: longestDown(db.read, DOWN_MAX),
    },
    tenants: countTenants(db.read),
    money: {
      monthly: monthlyRevenue(db.read),
      paidThisMonth: paid,
      paymentsThisMonth: paid.reduce((sum, row) => sum + row.count, 0),
    },
    latestRuns: listRuns(
      db.read,
      { q: '', status: '', kind: '', ...NEWEST },
      { number: 1, size: LATEST_RUNS },
    ).rows.map(runView),
    now,
  }
}

function runView(row: ReturnType<typeof listRuns>['rows'][number]): ListedRunView {
  return { ...row, tenant: { id: row.tenantId, subdomain: row.subdomain } }
}

/** What a list is searched for. */
export const searchOf = ({ url }: Call) => (url.searchParams.get('q') ?? '').trim().slice(0, 100)

const keysOf = <Key extends string>(record: Record<Key, unknown>) => Object.keys(record) as Key[]

/** One of the allowed values of a query's field, or none. */
export function choice<Value extends string>(
  { url }: Call,
  name: string,
  allowed: readonly Value[],
): Value | '' {
  return allowed.find((value) => value === url.searchParams.get(name)) ?? ''
}
