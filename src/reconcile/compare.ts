import { compareGoods } from './compare/goods'
import { compareMoney } from './compare/money'
import { comparePrices } from './compare/prices'
import { compareRecords } from './compare/records'
import { compareServers } from './compare/servers'
import { compareStates } from './compare/states'
import { compareStored } from './compare/stored'
import type { Difference, Kind } from './difference'
import { type Ground, groundOf } from './ground'
import type { Known } from './known'
import type { Snapshot } from './snapshot'
import type { Source } from './source'

type Comparison = {
  compare: (ground: Ground) => Difference[]
  /** What it finds; each kind is found by one comparison. */
  finds: readonly Kind[]
  /** What has to be listed for it: without one of them everything would look missing. */
  needs: readonly Source[]
}

const ALL: readonly Comparison[] = [
  {
    compare: compareRecords,
    finds: ['record_dangling', 'record_missing', 'record_elsewhere', 'record_stray', 'record_foreign'],
    needs: ['route53', 'hetzner'],
  },
  {
    compare: compareServers,
    finds: ['server_gone', 'server_forgotten', 'server_second', 'server_left', 'server_unknown'],
    needs: ['hetzner'],
  },
  {
    compare: compareStates,
    finds: ['server_off', 'server_differs', 'server_small', 'backups_differ'],
    needs: ['hetzner'],
  },
  {
    compare: compareMoney,
    finds: [
      'payment_forgotten',
      'paid_without_tenant',
      'tenant_without_payer',
      'tenant_held_back',
      'subscription_second',
      'subscription_differs',
      'subscription_unknown',
      'plan_differs',
    ],
    needs: ['stripe'],
  },
  { compare: comparePrices, finds: ['price_differs', 'amount_differs'], needs: ['stripe'] },
  {
    compare: compareGoods,
    finds: ['address_unassigned', 'image_left', 'volume_left'],
    needs: ['hetzner'],
  },
  { compare: compareStored, finds: ['backup_forgotten', 'backup_left'], needs: ['s3'] },
]

/** The comparisons that can be made of what was listed. Each works on its own, so that pages may have their turn. */
export function comparisonsOf({ unlisted }: Pick<Snapshot, 'unlisted'>): readonly Comparison[] {
  const missing = new Set(unlisted.map(({ source }) => source))
  return ALL.filter(({ needs }) => !needs.some((source) => missing.has(source)))
}

/**
 * Every difference between what the clouds hold and what our rows say. Nothing is asked outside and nothing is
 * written; the work grows with the number of things, not with their square. What is in change is no difference, nor is
 * what could not be listed.
 */
export function compare(snapshot: Snapshot, known: Known, nowMs: number): Difference[] {
  const ground = groundOf(snapshot, known, nowMs)
  return comparisonsOf(snapshot).flatMap(({ compare }) => compare(ground))
}
