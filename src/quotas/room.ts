import { and, count, isNotNull, isNull } from 'drizzle-orm'
import type { Reader } from '../db/open'
import { prepared } from '../db/prepared'
import { servers } from '../db/schema'
import { AtlasError } from '../errors'
import { type StepContext, type Wait, wait } from '../runs/recipe'
import type { Services } from '../services'
import { serverOfRun } from '../tenants/tenant'
import { countBefore, IN_QUEUE } from './queue'
import { listQuotas, noteRefusal, type QuotaName } from './quotas'

const LOOK_AGAIN_MS = 3 * 60_000

/** What one more site takes of each quota. */
const NEEDED: Record<QuotaName, number> = { servers: 1, addresses: 2, records: 1 }

/** Whether a run has to wait until there is room for its server; null when it may go ahead. */
export async function waitForRoom(services: Services, { run, db }: StepContext): Promise<Wait | null> {
  const before = countBefore(db.read, run.id)
  if (hasRoom(db.read, services, before)) return null
  // One that was made before a crash takes no more room.
  const { id } = serverOfRun(db.read, run)
  const made = await services.cloud.listServers({ atlas: services.settings.installationId, server: id })
  return made.length > 0 ? null : wait(LOOK_AGAIN_MS, IN_QUEUE, 'room')
}

/** The wait of a run whose server the cloud refused because its limit is reached. Rethrows every other failure. */
export function waitIfFull(services: Services, { db, now }: StepContext, thrown: unknown): Wait {
  if (!(thrown instanceof AtlasError) || thrown.vendorCode !== 'resource_limit_exceeded') throw thrown
  db.write((tx) => noteRefusal(tx, services, countServers(tx), now()))
  return wait(LOOK_AGAIN_MS, IN_QUEUE, 'room')
}

/** Whether one more site fits beside those that come before it. After a refusal only the first in line tries. */
function hasRoom(db: Reader, { settings }: Services, before: number): boolean {
  const quotas = listQuotas(db)
  const counted = (name: QuotaName) => quotas.find((quota) => quota.name === name)
  if (counted('servers')?.refusedAt != null && before > 0) return false
  const { limits } = settings
  const uses = { servers: countServers(db), addresses: 2 * countServers(db), records: countServers(db) }
  const capacities = { ...limits, records: counted('records')?.capacity ?? null }
  return (Object.keys(NEEDED) as QuotaName[]).every((name) => {
    const capacity = capacities[name]
    const used = counted(name)?.used ?? uses[name]
    return capacity === null || used + NEEDED[name] * (before + 1) <= capacity
  })
}

/** Before the first look: what Atlas itself has made. */
function countServers(db: Reader): number {
  return countPresent(db).get()?.count ?? 0
}

const countPresent = prepared((db) => {
  const present = and(isNull(servers.deletedAt), isNotNull(servers.externalId))
  return db.select({ count: count() }).from(servers).where(present).prepare()
})
