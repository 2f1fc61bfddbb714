import type { Cloud, PrimaryIp } from '../cloud'
import type { HetznerApi } from './api'
import { orNull } from './errors'
import { withLabels } from './labels'
import { ownAddress, read, replies, type WirePrimaryIp } from './wire'

/** Primary IPs, which cost money while nobody has them. https://docs.hetzner.cloud/reference/cloud#primary-ips */
export function addresses(api: HetznerApi): Pick<Cloud, 'listPrimaryIps' | 'deletePrimaryIp'> {
  return {
    async listPrimaryIps() {
      const listed: PrimaryIp[] = []
      for await (const page of api.pages('/primary_ips', withLabels({}))) {
        listed.push(...read(replies.primaryIps, page).primary_ips.map(toPrimaryIp))
      }
      return listed
    },

    async deletePrimaryIp(primaryIpId) {
      await orNull(() => api.request('DELETE', `/primary_ips/${encodeURIComponent(primaryIpId)}`))
    },
  }
}

function toPrimaryIp(wire: WirePrimaryIp): PrimaryIp {
  return {
    id: wire.id,
    ip: wire.type === 'ipv6' ? ownAddress(wire.ip) : wire.ip,
    type: wire.type,
    serverId: wire.assignee_id,
    location: wire.location.name,
    labels: wire.labels,
    createdAt: wire.created,
  }
}
