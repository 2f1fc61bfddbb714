import type { Cloud } from './cloud'
import { ActionBatch } from './hetzner/action-batch'
import { addresses } from './hetzner/addresses'
import { HetznerApi, type HetznerOptions } from './hetzner/api'
import { catalogue } from './hetzner/catalogue'
import { firewalls } from './hetzner/firewalls'
import { images } from './hetzner/images'
import { serverActions } from './hetzner/server-actions'
import { servers } from './hetzner/servers'
import { sshKeys } from './hetzner/ssh-keys'
import { volumes } from './hetzner/volumes'

/**
 * Hetzner Cloud, spoken to directly: the published JavaScript client reads a field that the API removed in
 * July 2026. All parts share one budget of requests. https://docs.hetzner.cloud/reference/cloud
 */
export function createHetzner(options: HetznerOptions): Cloud {
  const api = new HetznerApi(options)
  const batch = new ActionBatch(api)
  return {
    ...servers(api),
    ...serverActions(api),
    ...images(api, options.clock),
    ...addresses(api),
    ...volumes(api),
    ...firewalls(api),
    ...sshKeys(api),
    ...catalogue(api, options.clock),
    getActions: (actionIds) => batch.ask(actionIds),
  }
}
