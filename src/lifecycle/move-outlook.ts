import { type BackupRow, latestBackup, missingFor } from '../backups/backup'
import { pickPlacement } from '../catalog/server-type'
import { AtlasError, conflict } from '../errors'
import { askAgent, isAgentsWord } from '../provisioning/agent'
import type { Services } from '../services'
import { getTenant, type ServerRow, serverOf } from '../tenants/tenant'
import { type PriceChange, priceChange } from './plan-choice'

const LOOK_TIMEOUT_MS = 10_000

/** What a move would find. */
export type MoveOutlook = {
  /** Whether the old server answers, so that the app can be copied as it is. */
  answers: boolean
  /** The newest backup of the app, which is what is left when the old server is dead. */
  latest: BackupRow | null
  serverType: string
  location: string
  /** What changes at Stripe, for a move to another plan. */
  plan: PriceChange | null
}

/**
 * Looks at what a move would find, to another plan when one is given, and touches nothing. Throws `conflict` with the
 * reason when it can't be made.
 */
export async function lookAtMove(
  services: Services,
  tenantId: string,
  planId?: string,
): Promise<MoveOutlook> {
  const { db, catalog, cloud } = services
  const tenant = getTenant(db.read, tenantId)
  const server = serverOf(db.read, tenantId)
  const missing = missingFor(services, tenant, server, 'app')
  if (missing) throw conflict(missing)
  const plan = planId ? await priceChange(services, tenant, planId) : null
  const wanted = catalog.plan(planId ?? tenant.planId).plan
  const types = await cloud.listServerTypes()
  const { serverType, location } = pickPlacement(catalog.blueprint(tenant.blueprint), wanted, types)
  const answers = await doesAnswer(services, server)
  const latest = latestBackup(db.read, tenantId, 'app') ?? null
  if (!answers && !latest) {
    throw conflict('The server does not answer, and there is no backup of the app to move with.')
  }
  return { answers, latest, serverType: serverType.name, location, plan }
}

/** No answer, or somebody else's: a server that shows another host key has got the address meanwhile. */
export function isSilence(thrown: unknown): thrown is AtlasError {
  if (!(thrown instanceof AtlasError) || isAgentsWord(thrown)) return false
  return thrown.code === 'unavailable' || thrown.vendorCode === 'host_key_mismatch'
}

/** Asks a server once. Whatever its agent says is an answer; only a connection that can't be had is none. */
export async function doesAnswer(services: Services, server: ServerRow): Promise<boolean> {
  if (!server.externalId || !server.ipv4 || !(await services.cloud.getServer(server.externalId))) return false
  try {
    const command = { verb: 'status' as const, commandId: 'look', input: {} }
    await askAgent(services, server, command, { timeoutMs: LOOK_TIMEOUT_MS })
    return true
  } catch (thrown) {
    if (isSilence(thrown)) return false
    if (thrown instanceof AtlasError && isAgentsWord(thrown)) return true
    throw thrown
  }
}
