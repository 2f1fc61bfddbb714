import type { Table, World } from '../world'
import { listAnswer, notFound, sorted, timestamp } from './answers'
import { LOCATIONS } from './catalogue'
import type { Route } from './routes'

export type PrimaryIpRow = {
  id: string
  type: 'ipv4' | 'ipv6'
  ip: string
  serverId: string
  location: string
  createdAt: number
}

// 198.18.0.0/15 is set aside for benchmarks (RFC 2544) and 2001:db8::/32 for documents (RFC 3849): neither is
// ever anybody's.
const IPV4_COUNT = 2 ** 17
const FIRST_ID = 70_000_001

/** The addresses that servers hold: none is given twice while it is in use. */
export class Addresses {
  private readonly table: Table<PrimaryIpRow>

  constructor(private readonly world: World) {
    this.table = world.table<PrimaryIpRow>('hetzner_primary_ip')
  }

  give(type: 'ipv4' | 'ipv6', serverId: string, location: string): PrimaryIpRow {
    return this.table.put({
      id: String(this.world.nextNumber('hetzner_primary_ip', FIRST_ID)),
      type,
      ip: type === 'ipv4' ? this.freeIpv4() : network(this.world.nextNumber('hetzner_ipv6')),
      serverId,
      location,
      createdAt: this.world.now(),
    })
  }

  release(serverId: string): void {
    for (const row of this.of(serverId)) this.table.delete(row.id)
  }

  find(serverId: string, type: 'ipv4' | 'ipv6'): PrimaryIpRow | undefined {
    return this.table.find((row) => row.serverId === serverId && row.type === type)
  }

  get(id: string): PrimaryIpRow | undefined {
    return this.table.get(id)
  }

  all(): PrimaryIpRow[] {
    return this.table.all()
  }

  private of(serverId: string): PrimaryIpRow[] {
    return this.table.all().filter((row) => row.serverId === serverId)
  }

  private freeIpv4(): string {
    const inUse = new Set(this.table.all().map((row) => row.ip))
    for (;;) {
      const number = this.world.nextNumber('hetzner_ipv4') % IPV4_COUNT
      const last = number & 255
      const ip = `198.${18 + (number >> 16)}.${(number >> 8) & 255}.${last}`
      if (last !== 0 && last !== 255 && !inUse.has(ip)) return ip
    }
  }
}

const network = (number: number) =>
  `2001:db8:${((number >> 16) & 0xffff).toString(16)}:${(number & 0xffff).toString(16)}::/64`

function wirePrimaryIp(row: PrimaryIpRow) {
  return {
    id: Number(row.id),
    name: `primary_ip-${row.id}`,
    labels: {},
    created: timestamp(row.createdAt),
    blocked: false,
    location: LOCATIONS.find((location) => location.name === row.location),
    ip: row.ip,
    dns_ptr: row.type === 'ipv4' ? [{ ip: row.ip, dns_ptr: reverseName(row.ip) }] : [],
    protection: { delete: false },
    type: row.type,
    auto_delete: true,
    assignee_type: 'server',
    assignee_id: Number(row.serverId),
  }
}

export const reverseName = (ip: string) =>
  `static.${ip.split('.').reverse().join('.')}.clients.your-server.de`

export function primaryIpRoutes(addresses: Addresses): Route[] {
  return [
    {
      method: 'GET',
      path: '/primary_ips',
      answer: ({ url }) => {
        const ip = url.searchParams.get('ip')
        const rows = addresses.all().filter((row) => ip === null || row.ip === ip)
        return listAnswer('primary_ips', sorted(rows.map(wirePrimaryIp), url), url)
      },
    },
    {
      method: 'GET',
      path: '/primary_ips/{id}',
      answer: ({ id }) => {
        const row = addresses.get(id)
        if (!row) throw notFound('primary_ip', id)
        return Response.json({ primary_ip: wirePrimaryIp(row) })
      },
    },
  ]
}
