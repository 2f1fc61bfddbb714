import { HealthFigures, HealthPage } from '../../views/admin/health'
import { AILING_SORTS, countHealth, latestIncidents, listAiling } from '../health/report'
import { choice, operatorOf, orderOf, searchOf, wanted } from './admin'
import { routes } from './route'

const INCIDENTS_MAX = 20
const STATES = ['failing', 'unhealthy'] as const

/** How all tenants are. */
export const healthRoutes = routes(
  {
    method: 'GET',
    path: '/admin/health',
    policy: 'operator',
    handle: (call) => {
      const { db, clock } = call.services
      // Who is down comes first.
      const order = orderOf(call, AILING_SORTS, { sort: 'state', dir: 'desc' })
      const filter = { q: searchOf(call), state: choice(call, 'state', STATES), ...order }
      const { rows, ...page } = listAiling(db.read, filter, wanted(call))
      return HealthPage({
        operator: operatorOf(call),
        eventsUrl: '/admin/health/events',
        counts: countHealth(db.read),
        ailing: rows,
        page,
        filter,
        incidents: latestIncidents(db.read, INCIDENTS_MAX),
        now: clock.now(),
      })
    },
  },
  {
    method: 'GET',
    path: '/admin/health/events',
    policy: 'operator',
    handle: (call) =>
      call.live.open(call, () => HealthFigures({ counts: countHealth(call.services.db.read), title: 'Now' })),
  },
)
