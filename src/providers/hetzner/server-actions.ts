import type { Cloud, CloudServer, CloudStart } from '../cloud'
import type { HetznerApi } from './api'
import { serverGone } from './errors'
import { getServer, runningActions } from './servers'
import { read, replies } from './wire'

type ServerActions = Pick<
  Cloud,
  'powerOn' | 'shutdown' | 'powerOff' | 'changeServerType' | 'rebuildServer' | 'setBackups'
>

/**
 * What is done with a server that exists. Each looks first, so that a repetition after a lost reply starts nothing
 * twice: a server that is as wanted is left alone, and one that is on its way there refuses as `locked`, which is
 * worth another try. Throws `not_found` when the server is gone.
 * https://docs.hetzner.cloud/reference/cloud#server-actions
 */
export function serverActions(api: HetznerApi): ServerActions {
  return {
    powerOn: (serverId) => unless(api, serverId, (server) => server.status === 'running', 'poweron'),

    shutdown: (serverId) => unless(api, serverId, (server) => server.status === 'off', 'shutdown'),

    powerOff: (serverId) => unless(api, serverId, (server) => server.status === 'off', 'poweroff'),

    changeServerType: (serverId, serverType) =>
      unless(api, serverId, (server) => server.serverType === serverType, 'change_type', {
        server_type: serverType,
        upgrade_disk: false,
      }),

    async rebuildServer(serverId, imageId) {
      // Nothing about a server tells how often it was rebuilt, so only the one that still runs can be found.
      const [running] = await runningActions(api, serverId, 'rebuild_server')
      return running ? { actionId: running } : start(api, serverId, 'rebuild', { image: imageId })
    },

    setBackups: (serverId, enabled) =>
      unless(
        api,
        serverId,
        (server) => server.backups === enabled,
        enabled ? 'enable_backup' : 'disable_backup',
      ),
  }
}

async function unless(
  api: HetznerApi,
  serverId: string,
  asWanted: (server: CloudServer) => boolean,
  verb: string,
  body?: object,
): Promise<CloudStart | null> {
  const server = await getServer(api, serverId)
  if (!server) throw serverGone()
  return asWanted(server) ? null : start(api, serverId, verb, body)
}

async function start(api: HetznerApi, serverId: string, verb: string, body?: object): Promise<CloudStart> {
  const path = `/servers/${encodeURIComponent(serverId)}/actions/${verb}`
  return { actionId: read(replies.started, await api.request('POST', path, {}, body)).action.id }
}
