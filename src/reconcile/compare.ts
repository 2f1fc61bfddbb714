import { compareGoods } from './compare/goods'
import { compareMoney } from './compare/money'
import { comparePrices } from './compare/prices'
import { compareRecords } from './compare/records'
import { compareServers } from './compare/servers'
import { compareStates } from './compare/states'
import { compareStored } from './compare/stored'
import type { Difference } from './difference'
import { groundOf } from './ground'
import type { Known } from './known'
import type { Snapshot } from './snapshot'

/** All comparisons that there are. Each works on its own, so that pages may have their turn in between. */
export const COMPARISONS = [
  compareRecords,
  compareServers,
  compareStates,
  compareMoney,
  comparePrices,
  compareGoods,
  compareStored,
]

/**
 * Every difference between what the clouds hold and what our rows say. Nothing is asked outside and nothing is
 * written; the work grows with the number of things, not with their square. What is in change is no difference.
 */
export function compare(snapshot: Snapshot, known: Known, nowMs: number): Difference[] {
  const ground = groundOf(snapshot, known, nowMs)
  return COMPARISONS.flatMap((comparison) => comparison(ground))
}
