import { notInArray } from 'drizzle-orm'
import type { Tx } from '../db/open'
import { plans } from '../db/schema'
import type { Catalog } from './catalog'

/** Makes the table of plans equal to the catalog; a plan that is no longer sold is retired and kept. */
export function syncPlans(tx: Tx, catalog: Catalog, nowMs: number): void {
  catalog.offers.forEach(({ id, blueprint, plan }, position) => {
    const facts = {
      blueprint: blueprint.name,
      key: plan.key,
      name: plan.name,
      ...plan.price,
      approval: plan.approval,
      position,
      retiredAt: null,
    }
    tx.insert(plans)
      .values({ id, ...facts })
      .onConflictDoUpdate({ target: plans.id, set: facts })
      .run()
  })
  tx.update(plans)
    .set({ retiredAt: nowMs })
    .where(
      notInArray(
        plans.id,
        catalog.offers.map(({ id }) => id),
      ),
    )
    .run()
}
