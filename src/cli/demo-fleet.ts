import { count, inArray } from 'drizzle-orm'
import { signups, tenants } from '../db/schema'
import type { Services } from '../services'
import { namesKept, skeletonOf } from '../signups/subdomain'
import type { Simulator } from '../simulator/simulator'
import { type Ground, prepareGround } from './fleet/ground'
import { settleInClouds } from './fleet/holding'
import { Pen } from './fleet/pen'
import { type Person, people } from './fleet/people'
import { writeTenancy } from './fleet/rows'
import { type Tenancy, tenancyOf } from './fleet/tenancy'

export type FleetOptions = {
  /** Called after each batch with how many were made of how many. */
  onProgress?: (made: number, missing: number) => void
  /** Ends the work after the batch in hand. */
  stop?: AbortSignal
}

const BATCH = 200
const SPAN_MS = 180 * 86_400_000
const NEWEST_MS = 3 * 3_600_000
const PAYING_MS = 90_000
const APPROVAL_MAX_MS = 90 * 60_000

/**
 * Lets the demo hold `count` live tenants that came over the last six months, in Atlas and in the clouds alike.
 * Those that are live already count. Resolves to how many were made.
 */
export async function seedFleet(
  services: Services,
  clouds: Simulator,
  count: number,
  { onProgress = () => {}, stop }: FleetOptions = {},
): Promise<number> {
  const live = countLive(services)
  const missing = Math.max(0, count - live)
  if (missing === 0) return 0
  const ground = await prepareGround(services, clouds)
  const line = newcomers(services)
  let made = 0
  while (made < missing && !stop?.aborted) {
    const batch = nextOf(line, Math.min(BATCH, missing - made))
    settle(
      ground,
      batch.map((person, index) => tenancyAt(ground, person, live + made + index, count)),
    )
    made += batch.length
    onProgress(made, missing)
    // Pages, signals and the worker have their turn.
    await new Promise((resolve) => setImmediate(resolve))
  }
  return made
}

/** Both databases hold all of them or, but for a crash between two commits, none. */
function settle(ground: Ground, tenancies: Tenancy[]): void {
  const { services, clouds } = ground
  clouds.world.transaction(() =>
    services.db.write((tx) => {
      const pen = new Pen(tx)
      for (const tenancy of tenancies) writeTenancy(pen, ground, tenancy, settleInClouds(ground, tenancy))
    }),
  )
}

function countLive({ db }: Services): number {
  const live = inArray(tenants.status, ['active', 'suspended'])
  return db.read.select({ count: count() }).from(tenants).where(live).get()?.count ?? 0
}

/** People whose names look like nobody's, and which the shop does not keep. */
function newcomers(services: Services): Iterator<Person> {
  const { read } = services.db
  const held = [tenants, signups].flatMap((table) =>
    read.select({ skeleton: table.skeleton }).from(table).all(),
  )
  const taken = new Set([...held.map(({ skeleton }) => skeleton), ...namesKept(services).map(skeletonOf)])
  return people().filter(({ subdomain }) => {
    const skeleton = skeletonOf(subdomain)
    const isFree = !taken.has(skeleton)
    taken.add(skeleton)
    return isFree
  })
}

/** Unlike an iterator's own `take`, leaves the rest of the line for later. */
function nextOf(line: Iterator<Person>, size: number): Person[] {
  return Array.from({ length: size }, () => line.next().value).filter((person) => person !== undefined)
}

/** More come as time goes by, and about two thirds of them take the first plan. */
function tenancyAt({ services, lots }: Ground, person: Person, place: number, count: number): Tenancy {
  const lot = lots[Math.floor(lots.length * chanceOf(place) ** 2)]
  if (!lot) throw new Error('a catalog has plans')
  const agoMs = NEWEST_MS + SPAN_MS * (1 - Math.sqrt((place + 1) / count))
  const signedUpAt = Math.floor(services.clock.now() - agoMs)
  const paidAt = signedUpAt + PAYING_MS
  const waitedMs = lot.entry.plan.approval === 'manual' ? APPROVAL_MAX_MS * chanceOf(place + 1) : 0
  return tenancyOf(services, person, lot, { signedUpAt, paidAt, approvedAt: paidAt + Math.floor(waitedMs) })
}

/** A share in [0, 1) that is always the same at one place in line (Knuth's multiplicative hash). */
function chanceOf(place: number): number {
  return (Math.imul(place + 1, 2_654_435_761) >>> 0) / 2 ** 32
}
