import { AtlasError, conflict, unavailable } from '../errors'
import type { Cloud, CloudAction, CloudServer, FirewallSpec, ServerSpec, ServerType } from './cloud'
import { ActionBatch } from './hetzner/action-batch'
import { HetznerApi, type HetznerOptions, type Query } from './hetzner/api'
import { read, replies, toServer, toServerType } from './hetzner/wire'

/**
 * Hetzner Cloud, spoken to directly: the published JavaScript client reads a field that the API removed in
 * July 2026. https://docs.hetzner.cloud/reference/cloud
 */
export function createHetzner(options: HetznerOptions): Cloud {
  return new Hetzner(options)
}

class Hetzner implements Cloud {
  private readonly api: HetznerApi
  private readonly batch: ActionBatch

  constructor(private readonly options: HetznerOptions) {
    this.api = new HetznerApi(options)
    this.batch = new ActionBatch(this.api)
  }

  async ensureServer(spec: ServerSpec) {
    const found = await this.adoptServer(spec)
    if (found) return found
    try {
      return await this.createServer(spec)
    } catch (thrown) {
      const adopted = isTaken(thrown) && (await this.adoptServer(spec))
      if (adopted) return adopted
      throw isTaken(thrown) ? notYetListed(thrown) : thrown
    }
  }

  async ensureFirewall(spec: FirewallSpec) {
    const found = await this.findFirewall(spec)
    if (found) return found
    try {
      return await this.createFirewall(spec)
    } catch (thrown) {
      const taken = isTaken(thrown) && (await this.findFirewall(spec))
      if (taken) return taken
      throw isTaken(thrown) ? notYetListed(thrown) : thrown
    }
  }

  getServer(serverId: string): Promise<CloudServer | null> {
    return orNull(async () => {
      const reply = await this.api.request('GET', `/servers/${encodeURIComponent(serverId)}`)
      return toServer(read(replies.server, reply).server)
    })
  }

  async listServers(labels: Record<string, string>): Promise<CloudServer[]> {
    const selector = Object.entries(labels).map(([key, value]) => `${key}==${value}`)
    const query: Query = {
      sort: 'id:asc',
      ...(selector.length > 0 && { label_selector: selector.join(',') }),
    }
    const servers: CloudServer[] = []
    for await (const page of this.api.pages('/servers', query)) {
      servers.push(...read(replies.servers, page).servers.map(toServer))
    }
    return servers
  }

  deleteServer(serverId: string): Promise<{ actionId: string | null } | null> {
    return orNull(async () => {
      try {
        const reply = await this.api.request('DELETE', `/servers/${encodeURIComponent(serverId)}`)
        return { actionId: read(replies.action, reply).action?.id ?? null }
      } catch (thrown) {
        return await this.runningDeletion(serverId, thrown)
      }
    })
  }

  getActions(actionIds: string[]): Promise<CloudAction[]> {
    return this.batch.ask(actionIds)
  }

  async getSshKey(idOrName: string) {
    if (!/^\d+$/.test(idOrName)) {
      const reply = await this.api.request('GET', '/ssh_keys', { name: idOrName })
      return read(replies.sshKeys, reply).ssh_keys[0] ?? null
    }
    return orNull(async () => {
      const reply = await this.api.request('GET', `/ssh_keys/${idOrName}`)
      return read(replies.sshKey, reply).ssh_key
    })
  }

  async listServerTypes(): Promise<ServerType[]> {
    const types: ServerType[] = []
    for await (const page of this.api.pages('/server_types')) {
      const wire = read(replies.serverTypes, page).server_types
      types.push(...wire.map((type) => toServerType(type, this.options.clock.now())))
    }
    return types.filter((type) => type.locations.length > 0)
  }

  async listLocations() {
    const locations: { name: string; city: string; country: string }[] = []
    for await (const page of this.api.pages('/locations'))
      locations.push(...read(replies.locations, page).locations)
    return locations
  }

  async listImages() {
    const images: { name: string; architecture: 'x86' | 'arm' }[] = []
    const query: Query = { type: 'system', status: 'available' }
    for await (const page of this.api.pages('/images', query)) {
      for (const { name, architecture, deprecated } of read(replies.images, page).images) {
        if (name && !deprecated) images.push({ name, architecture })
      }
    }
    return images
  }

  private async createServer(spec: ServerSpec) {
    const reply = await this.api.request('POST', '/servers', {}, serverBody(spec))
    const { server, action, next_actions } = read(replies.createdServer, reply)
    return {
      server: toServer(server),
      actionIds: [action, ...next_actions].map((one) => one.id),
      created: true,
    }
  }

  /** The server of that name and what is being done with it; null when the name is free. */
  private async adoptServer(spec: ServerSpec) {
    const reply = await this.api.request('GET', '/servers', { name: spec.name })
    const wire = read(replies.servers, reply).servers[0]
    if (!wire) return null
    const server = toServer(wire)
    if (!carries(server.labels, spec.labels)) {
      throw conflict('A server of this name exists at Hetzner that Atlas did not make for this tenant.')
    }
    if (server.status === 'deleting') {
      throw unavailable('Hetzner is still deleting a server of this name.', { outcome: 'refused' })
    }
    const actionIds = server.status === 'running' ? [] : await this.runningActions(server.id)
    return { server, actionIds, created: false }
  }

  /** A server that is being deleted refuses a second deletion as `locked`: then the first one is the answer. */
  private async runningDeletion(serverId: string, thrown: unknown): Promise<{ actionId: string | null }> {
    if (!(thrown instanceof AtlasError) || thrown.vendorCode !== 'locked') throw thrown
    const server = await this.getServer(serverId)
    if (server !== null && server.status !== 'deleting') throw thrown
    const actionIds = server ? await this.runningActions(serverId) : []
    return { actionId: actionIds[0] ?? null }
  }

  private async runningActions(serverId: string): Promise<string[]> {
    const reply = await this.api.request('GET', `/servers/${serverId}/actions`, { status: 'running' })
    return read(replies.actions, reply).actions.map((action) => action.id)
  }

  private async findFirewall(spec: FirewallSpec): Promise<{ id: string } | null> {
    const reply = await this.api.request('GET', '/firewalls', { name: spec.name })
    const firewall = read(replies.firewalls, reply).firewalls[0]
    if (!firewall) return null
    if (!carries(firewall.labels, spec.labels)) {
      throw conflict('A firewall of this name exists at Hetzner that Atlas did not make.')
    }
    return { id: firewall.id }
  }

  private async createFirewall(spec: FirewallSpec): Promise<{ id: string }> {
    const rules = spec.rules.map(({ sourceIps, ...rule }) => ({
      ...rule,
      direction: 'in',
      source_ips: sourceIps,
    }))
    const body = { name: spec.name, labels: spec.labels, rules }
    const reply = await this.api.request('POST', '/firewalls', {}, body)
    return { id: read(replies.firewall, reply).firewall.id }
  }
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

const carries = (has: Record<string, string>, wanted: Record<string, string>) =>
  Object.entries(wanted).every(([key, value]) => has[key] === value)

const isTaken = (thrown: unknown): thrown is AtlasError =>
  thrown instanceof AtlasError && thrown.vendorCode === 'uniqueness_error'

// Hetzner's lists may lag behind its writes, so a taken name that is not listed is a matter of moments.
const notYetListed = (cause: unknown) =>
  unavailable('Hetzner says that the name is taken but does not list it yet.', {
    outcome: 'refused',
    vendorCode: 'uniqueness_error',
    cause,
  })

async function orNull<T>(ask: () => Promise<T>): Promise<T | null> {
  try {
    return await ask()
  } catch (thrown) {
    if (thrown instanceof AtlasError && thrown.code === 'not_found') return null
    throw thrown
  }
}
