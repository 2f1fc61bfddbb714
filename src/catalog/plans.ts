import { eq, sql } from 'drizzle-orm'
import type { Reader, Tx } from '../db/open'
import { prepared, putting } from '../db/prepared'
import { plans } from '../db/schema'
import { notFound } from '../errors'
import type { Catalog } from './catalog'

export type PlanRow = typeof plans.$inferSelect

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

const planById = prepared((db) =>
  db
    .select()
    .from(plans)
    .where(eq(plans.id, sql.placeholder('planId')))
    .prepare(),
)

/** The plan of a row, on sale or not. */
export function getPlan(db: Reader, planId: string): PlanRow {
  const plan = planById(db).get({ planId })
  if (!plan) throw notFound('There is no such plan.')
  return plan
}

/** The plan that was asked for by its key in the shop's blueprint or by its whole id, if it is on sale. */
export function findPlanOnSale(db: Reader, asked: string, blueprint: string): PlanRow | undefined {
  const id = asked.includes('/') ? asked : `${blueprint}/${asked}`
  const plan = planById(db).get({ planId: id })
  return plan && plan.retiredAt === null ? plan : undefined
}
