import { agentScript } from '../../catalog/builtin'
import type { CatalogEntry } from '../../catalog/catalog'
import { pickPlacement } from '../../catalog/server-type'
import { renderUserData } from '../../catalog/user-data'
import { firewallSpec } from '../../provisioning/server'
import type { Services } from '../../services'
import type { MachineModel } from '../../simulator/machines/past-machine'
import { modelOf } from '../../simulator/machines/past-machine'
import type { Simulator } from '../../simulator/simulator'

/** What the tenants of one plan have in common. */
export type Lot = {
  entry: CatalogEntry
  serverType: string
  diskGb: number
  location: string
  machine: MachineModel
}

/** What a fleet stands on: found or made once, before its first tenant. */
export type Ground = { services: Services; clouds: Simulator; firewallId: string; lots: Lot[] }

/** Asks the clouds, over their own protocols, for what every tenant's server needs. */
export async function prepareGround(services: Services, clouds: Simulator): Promise<Ground> {
  const { cloud, catalog, settings } = services
  const { id: firewallId } = await cloud.ensureFirewall(firewallSpec(settings))
  const types = await cloud.listServerTypes()
  const lots = catalog.offers.map((entry) => {
    const { serverType, location } = pickPlacement(entry.blueprint, entry.plan, types)
    const { name, diskGb } = serverType
    return { entry, serverType: name, diskGb, location, machine: machineModel(services, entry) }
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
