import { compareGoods } from './compare/goods'
import { compareMoney } from './compare/money'
import { comparePrices } from './compare/prices'
import { compareRecords } from './compare/records'
import { compareServers } from './compare/servers'
import { compareStates } from './compare/states'
import { compareStored } from './compare/stored'
import type { Difference, Findings, Kind } from './difference'
import { type Ground, groundOf } from './ground'
import type { Known } from './known'
import type { Snapshot } from './snapshot'
import type { Source } from './source'
import { walk } from './walk'

type Comparison = {
  compare: (ground: Ground) => Findings
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

/** The comparisons that can be made of what was listed. */
function possible({ unlisted }: Pick<Snapshot, 'unlisted'>): readonly Comparison[] {
  const missing = new Set(unlisted.map(({ source }) => source))
  return ALL.filter(({ needs }) => !needs.some((source) => missing.has(source)))
}

/** The kinds of which nothing can be said, not even that there are none. */
export function unlookedKinds(snapshot: Pick<Snapshot, 'unlisted'>): Kind[] {
  const made = possible(snapshot)
  return ALL.filter((one) => !made.includes(one)).flatMap(({ finds }) => finds)
}

/**
 * Every difference between what the clouds hold and what our rows say. Nothing is asked outside and nothing is
 * written; the work grows with the number of things, not with their square. What is in change is no difference, nor is
 * what could not be listed.
 */
export async function compare(snapshot: Snapshot, known: Known, nowMs: number): Promise<Difference[]> {
  const ground = await groundOf(snapshot, known, nowMs)
  const differences: Difference[] = []
  for (const { compare } of possible(snapshot)) differences.push(...(await walk(compare(ground))))
  return differences
}
