import type { Table, World } from '../world'
import { notFound, timestamp } from './answers'
import { LOCATIONS } from './catalogue'
import { listAnswer, oneOf } from './lists'
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
  private readonly inUse: Set<string>

  constructor(private readonly world: World) {
    this.table = world.table<PrimaryIpRow>('hetzner_primary_ip')
    this.inUse = new Set(this.table.all().map((row) => row.ip))
  }

  give(type: 'ipv4' | 'ipv6', serverId: string, location: string): PrimaryIpRow {
    const ip = type === 'ipv4' ? this.freeIpv4() : network(this.world.nextNumber('hetzner_ipv6'))
    const id = String(this.world.nextNumber('hetzner_primary_ip', FIRST_ID))
    this.inUse.add(ip)
    return this.table.put({ id, type, ip, serverId, location, createdAt: this.world.now() })
  }

  release(id: string): void {
    const row = this.table.get(id)
    if (!row) return
    this.inUse.delete(row.ip)
    this.table.delete(id)
  }

  get(id: string | null): PrimaryIpRow | undefined {
    return id === null ? undefined : this.table.get(id)
  }

  all(): PrimaryIpRow[] {
    return this.table.all()
  }

  private freeIpv4(): string {
    for (;;) {
      const number = this.world.nextNumber('hetzner_ipv4') % IPV4_COUNT
      const last = number & 255
      const ip = `198.${18 + (number >> 16)}.${(number >> 8) & 255}.${last}`
      if (last !== 0 && last !== 255 && !this.inUse.has(ip)) return ip
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
        const asked = oneOf(url, 'ip')
        const rows = addresses.all().filter((row) => asked(row.ip))
        return listAnswer('primary_ips', rows, url, wirePrimaryIp)
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
