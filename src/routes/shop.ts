import { LandingPage } from '../../views/shop/landing'
import type { PlanView } from '../../views/shop/plan-card'
import type { CatalogEntry } from '../catalog/catalog'
import { queueLength } from '../quotas/queue'
import type { Services } from '../services'
import { routes } from './route'

/** The shop's front page. */
export const shopRoutes = routes({
  method: 'GET',
  path: '/',
  policy: 'public',
  handle: ({ services }) => {
    const offers = offersOf(services)
    const approval = offers.every(({ plan }) => plan.approval === 'automatic') ? 'automatic' : 'manual'
    return LandingPage({
      brand: brandOf(services),
      description: services.catalog.front.shop.description,
      features: services.catalog.front.shop.features,
      plans: offers.map(planView),
      domain: services.settings.tenantDomain,
      approval,
      isQueueing: queueLength(services.db.read) > 0,
    })
  },
})

/** How the shop calls itself. */
export function brandOf({ catalog }: Services) {
  const { name, tagline, supportEmail } = catalog.front.shop
  return { name, tagline, ...(supportEmail ? { supportEmail } : {}) }
}

/** The plans that this shop's visitors may choose. */
export function offersOf({ catalog }: Services): readonly CatalogEntry[] {
  return catalog.offers.filter(({ blueprint }) => blueprint.name === catalog.front.name)
}

/** A plan as the shop shows it. */
export function planView({ plan }: CatalogEntry): PlanView {
  const { vcpu, cpu, memoryGb, diskGb } = plan.server
  const hardware = [`${vcpu} ${cpu} vCPU`, `${memoryGb} GB memory`, `${diskGb} GB disk`]
  return {
    key: plan.key,
    name: plan.name,
    ...plan.price,
    summary: plan.summary,
    specs: [...hardware, ...Object.entries(plan.limits).map(limitWords)],
    features: plan.features,
  }
}

/** `tokens_per_month: 4000000` as '4 million tokens a month'. */
function limitWords([name, limit]: [string, number]): string {
  const words = name.replace(/_per_/g, ' a ').replaceAll('_', ' ')
  const millions = limit / 1_000_000
  const number =
    Number.isInteger(millions) && millions > 0 ? `${millions} million` : limit.toLocaleString('en-US')
  return `${number} ${words}`
}
