import type { QuotasData } from '../../views/admin/quotas'
import { queueLength } from '../quotas/queue'
import { listQuotas } from '../quotas/quotas'
import { QUOTA_WORDS } from '../quotas/warning'
import type { Services } from '../services'
import { json } from './answer'
import { routes } from './route'

/** What is used of the clouds' limits, for programs. */
export const quotaRoutes = routes({
  method: 'GET',
  path: '/api/admin/quotas',
  policy: 'operator_api',
  handle: ({ services: { db } }) =>
    json({
      quotas: listQuotas(db.read).map(({ name, used, capacity, checkedAt, refusedAt }) => ({
        name,
        used,
        capacity,
        checked_at: checkedAt,
        refused_at: refusedAt,
      })),
      queue: queueLength(db.read),
    }),
})

/** The same for the overview. */
export function quotasData({ db }: Services): QuotasData {
  const quotas = listQuotas(db.read).map(({ name, used, capacity, checkedAt }) => {
    const words = QUOTA_WORDS[name]
    return { label: words.charAt(0).toUpperCase() + words.slice(1), used, capacity, checkedAt }
  })
  return { quotas, queue: queueLength(db.read) }
}
