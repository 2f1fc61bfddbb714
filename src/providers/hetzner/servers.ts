import { conflict, unavailable } from '../../errors'
import type { Cloud, CloudServer, ServerSpec } from '../cloud'
import type { HetznerApi } from './api'
import { isRefusedAs, notYetListed, orNull } from './errors'
import { carries, withLabels } from './labels'
import { read, replies, toServer } from './wire'

type Servers = Pick<Cloud, 'ensureServer' | 'getServer' | 'listServers' | 'deleteServer'>

/** Servers, their birth and their end. */
export function servers(api: HetznerApi): Servers {
  return {
    async ensureServer(spec) {
      const found = await adoptServer(api, spec)
      if (found) return found
      try {
        return await createServer(api, spec)
      } catch (thrown) {
        if (!isRefusedAs(thrown, 'uniqueness_error')) throw thrown
        const adopted = await adoptServer(api, spec)
        if (adopted) return adopted
        throw notYetListed(thrown)
      }
    },

    getServer: (serverId) => getServer(api, serverId),

    async listServers(labels) {
      const listed: CloudServer[] = []
      for await (const page of api.pages('/servers', withLabels(labels))) {
        listed.push(...read(replies.servers, page).servers.map(toServer))
      }
      return listed
    },

    deleteServer: (serverId) =>
      orNull(async () => {
        try {
          const reply = await api.request('DELETE', `/servers/${encodeURIComponent(serverId)}`)
          return { actionId: read(replies.action, reply).action?.id ?? null }
        } catch (thrown) {
          return await runningDeletion(api, serverId, thrown)
        }
      }),
  }
}

/** The server, or null when it is gone. A look by id is never behind, as a list may be. */
export function getServer(api: HetznerApi, serverId: string): Promise<CloudServer | null> {
  return orNull(async () => {
    const reply = await api.request('GET', `/servers/${encodeURIComponent(serverId)}`)
    return toServer(read(replies.server, reply).server)
  })
}

/** Ids of what is being done with a server; of one kind when `command` is given. */
export async function runningActions(api: HetznerApi, serverId: string, command?: string): Promise<string[]> {
  const path = `/servers/${encodeURIComponent(serverId)}/actions`
  const { actions } = read(replies.actions, await api.request('GET', path, { status: 'running' }))
  return actions.filter((one) => command === undefined || one.command === command).map((one) => one.id)
}

async function createServer(api: HetznerApi, spec: ServerSpec) {
  const reply = await api.request('POST', '/servers', {}, serverBody(spec))
  const { server, action, next_actions } = read(replies.createdServer, reply)
  const actionIds = [action, ...next_actions].map((one) => one.id)
  return { server: toServer(server), actionIds, created: true }
}

/** The server of that name and what is being done with it; null when the name is free. */
async function adoptServer(api: HetznerApi, spec: ServerSpec) {
  const listed = read(replies.servers, await api.request('GET', '/servers', { name: spec.name })).servers[0]
  // A list that lags may still show a server that is gone, or as it no longer is.
  const server = listed && (await getServer(api, listed.id))
  if (!server || server.name !== spec.name) return null
  if (!carries(server.labels, spec.labels)) {
    throw conflict('A server of this name exists at Hetzner that Atlas did not make for this tenant.')
  }
  if (server.status === 'deleting') {
    throw unavailable('Hetzner is still deleting a server of this name.', { outcome: 'refused' })
  }
  const actionIds = server.status === 'running' ? [] : await runningActions(api, server.id)
  return { server, actionIds, created: false }
}

/** A server that is being deleted refuses a second deletion as `locked`: then the first one is the answer. */
async function runningDeletion(api: HetznerApi, serverId: string, thrown: unknown) {
  if (!isRefusedAs(thrown, 'locked')) throw thrown
  const server = await getServer(api, serverId)
  if (server !== null && server.status !== 'deleting') throw thrown
  const actionIds = server ? await runningActions(api, serverId, 'delete_server') : []
  return { actionId: actionIds[0] ?? null }
}

function serverBody(spec: ServerSpec) {
  return {
    name: spec.name,
    server_type: spec.serverType,
    location: spec.location,
    image: spec.image,
    start_after_create: true,
    ssh_keys: spec.sshKeyIds,
    // Attached at birth, so that the server is never without it.
    firewalls: [{ firewall: Number(spec.firewallId) }],
    user_data: spec.userData,
    labels: spec.labels,
    public_net: { enable_ipv4: true, enable_ipv6: true },
  }
}
