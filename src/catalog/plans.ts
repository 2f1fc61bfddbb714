import { sql } from 'drizzle-orm'
import type { Tx } from '../db/open'
import { prepared, putting } from '../db/prepared'
import { plans } from '../db/schema'
import type { Catalog } from './catalog'

const putPlan = putting(plans, 'id')
const retireOthers = prepared((tx: Tx) =>
  tx
    .update(plans)
    .set({ retiredAt: sql`${sql.placeholder('nowMs')}` })
    .where(sql`${plans.id} NOT IN (SELECT value FROM json_each(${sql.placeholder('sold')}))`)
    .prepare(),
)

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
    putPlan(tx, { id, ...facts })
  })
  retireOthers(tx).run({ nowMs, sold: JSON.stringify(catalog.offers.map(({ id }) => id)) })
}
