import { type PrimaryIpRow, reverseName } from './addresses'
import { notFound, timestamp } from './answers'
import { LOCATIONS, SERVER_TYPES } from './catalogue'
import { firewallsOf } from './firewalls'
import { imageById } from './images'
import type { Project, ServerRow } from './project'
import { volumesOf } from './volumes'

type AddressOf = (id: string | null) => PrimaryIpRow | undefined

/** Throws `not_found`, as Hetzner answers. */
export function mustGetServer(project: Project, id: string): ServerRow {
  const row = project.servers.get(id)
  if (!row) throw notFound('server', id)
  return row
}

/** A server as Hetzner shows it since July 2026, when `datacenter` was removed. */
export function wireServer(
  project: Project,
  row: ServerRow,
  addressOf: AddressOf = (id) => project.addresses.get(id),
) {
  return {
    id: Number(row.id),
    name: row.name,
    status: row.status,
    created: timestamp(row.createdAt),
    public_net: wirePublicNet(project, row, addressOf),
    private_net: [],
    server_type: SERVER_TYPES.find((type) => type.name === row.serverType),
    location: LOCATIONS.find((location) => location.name === row.location),
    image: imageById(project, row.imageId),
    iso: null,
    rescue_enabled: false,
    locked: project.actions.isLocked(row.id),
    backup_window: row.backupWindow,
    outgoing_traffic: 0,
    ingoing_traffic: 0,
    included_traffic: 20 * 1024 ** 4,
    protection: { delete: false, rebuild: false },
    labels: row.labels,
    volumes: volumesOf(project, row.id).map((volume) => Number(volume.id)),
    load_balancers: [],
    primary_disk_size: row.diskGb,
    placement_group: null,
  }
}

function wirePublicNet(project: Project, row: ServerRow, addressOf: AddressOf) {
  const [ipv4, ipv6] = [addressOf(row.ipv4Id), addressOf(row.ipv6Id)]
  const status = row.status === 'initializing' ? 'pending' : 'applied'
  return {
    ipv4: ipv4 ? { id: Number(ipv4.id), ip: ipv4.ip, blocked: false, dns_ptr: reverseName(ipv4.ip) } : null,
    ipv6: ipv6 ? { id: Number(ipv6.id), ip: ipv6.ip, blocked: false, dns_ptr: [] } : null,
    floating_ips: [],
    firewalls: firewallsOf(project, row).map((firewall) => ({ id: Number(firewall.id), status })),
  }
}
