import { agentScript } from '../../catalog/builtin'
import type { CatalogEntry } from '../../catalog/catalog'
import { pickPlacement } from '../../catalog/server-type'
import { renderUserData } from '../../catalog/user-data'
import { firewallSpec } from '../../provisioning/server'
import type { Services } from '../../services'
import { type MachineModel, modelOf } from '../../simulator/machines/past-machine'
import type { Simulator } from '../../simulator/simulator'
import { type PastBackup, packPast } from './past-backup'

/** What the tenants of one plan have in common. */
export type Lot = {
  entry: CatalogEntry
  serverType: string
  diskGb: number
  location: string
  machine: MachineModel
  past: PastBackup | null
}

/** What a fleet stands on: found or made once, before its first tenant. */
export type Ground = { services: Services; clouds: Simulator; firewallId: string; lots: Lot[] }

/** Asks the clouds, over their own protocols, for what every tenant's server needs. */
export async function prepareGround(services: Services, clouds: Simulator): Promise<Ground> {
  const { cloud, catalog, settings } = services
  const { id: firewallId } = await cloud.ensureFirewall(firewallSpec(settings))
  const types = await cloud.listServerTypes()
  const pasts = new Map<string, PastBackup | null>()
  for (const blueprint of catalog.blueprints) pasts.set(blueprint.name, await packPast(blueprint))
  const lots = catalog.offers.map((entry) => {
    const { serverType, location } = pickPlacement(entry.blueprint, entry.plan, types)
    const { name, diskGb } = serverType
    const past = pasts.get(entry.blueprint.name) ?? null
    return { entry, serverType: name, diskGb, location, machine: machineModel(services, entry), past }
  })
  return { services, clouds, firewallId, lots }
}

function machineModel({ settings, newHostKey }: Services, { blueprint }: CatalogEntry): MachineModel {
  const userData = renderUserData(blueprint, {
    hostKey: newHostKey(),
    atlasPublicKey: settings.sshPublicKey,
    agent: agentScript,
    hostname: 'fleet.localhost',
  })
  return modelOf(userData, blueprint.compose)
}
