import { Land, type Snapshot } from './land'
import { People } from './people'
import { Shop } from './shop'
import type { Customer, Story } from './story'

const known = new WeakMap<Shop, Map<string, Promise<Snapshot>>>()
const STEP_MS = 1_000
const DAY_MS = 86_400_000

/** A land in which a customer has done these things, nothing went wrong, and all has come to rest. Made once. */
export function baseOf(shop: Shop, plan: Customer['plan'], kinds: readonly string[]): Promise<Snapshot> {
  const bases = known.get(shop) ?? new Map<string, Promise<Snapshot>>()
  known.set(shop, bases)
  const key = [plan, ...kinds].join()
  const base = bases.get(key) ?? make(shop, plan, kinds)
  bases.set(key, base)
  return base
}

/** What everybody does who becomes a customer. */
export const BECOMES_LIVE = ['sign up', 'pay', 'approve'] as const

/** Opens a shop, and tells one life that nobody looks at: the first connections of a process wait for what is loaded. */
export async function openShop(): Promise<Shop> {
  const shop = await Shop.open()
  await make(shop, 'starter', BECOMES_LIVE)
  return shop
}

async function make(shop: Shop, plan: Customer['plan'], kinds: readonly string[]): Promise<Snapshot> {
  const customers: Customer[] = [{ name: 'ada', plan, acts: kinds.map((kind) => ({ kind, after: STEP_MS })) }]
  const story: Story = { seed: 1, customers, deaths: [], weather: 0, outages: [], jumps: [] }
  const land = new Land(shop, { story })
  try {
    const people = new People(land, customers)
    await land.go(land.time.now() + DAY_MS, () => people.look() && land.isAtRest)
    return land.snapshot()
  } finally {
    await land.close()
  }
}
