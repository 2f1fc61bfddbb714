import type { Table, World } from '../world'
import { notFound, Refusal, timestamp } from './answers'
import { LOCATIONS } from './catalogue'
import { labelSelectorOf } from './labels'
import { listAnswer, oneOf } from './lists'
import type { Project } from './project'
import type { Route } from './routes'

export type PrimaryIpRow = {
  id: string
  type: 'ipv4' | 'ipv6'
  ip: string
  /** The server that has it, null when none does. */
  serverId: string | null
  location: string
  labels: Record<string, string>
  /** Whether it goes with its server: so it is with those that came with one. */
  autoDelete: boolean
  protected: boolean
  createdAt: number
}

type NewPrimaryIp = Pick<PrimaryIpRow, 'type' | 'serverId' | 'location'> & Partial<PrimaryIpRow>

// 198.18.0.0/15 is set aside for benchmarks (RFC 2544) and 2001:db8::/32 for documents (RFC 3849): neither is
// ever anybody's.
const IPV4_COUNT = 2 ** 17
const FIRST_ID = 70_000_001

/** The project's addresses: none is given twice while it exists. */
export class Addresses {
  private readonly table: Table<PrimaryIpRow>
  private readonly inUse: Set<string>

  constructor(private readonly world: World) {
    this.table = world.table<PrimaryIpRow>('hetzner_primary_ip')
    this.inUse = new Set(this.table.all().map((row) => row.ip))
  }

  get size(): number {
    return this.table.size
  }

  give(address: NewPrimaryIp): PrimaryIpRow {
    const ip = address.type === 'ipv4' ? this.freeIpv4() : network(this.world.nextNumber('hetzner_ipv6'))
    const id = String(this.world.nextNumber('hetzner_primary_ip', FIRST_ID))
    this.inUse.add(ip)
    const usual = { labels: {}, autoDelete: address.serverId !== null, protected: false }
    return this.table.put({ ...usual, createdAt: this.world.now(), ...address, id, ip })
  }

  /** The server is gone: its address goes with it, or stays without one. */
  leave(id: string): void {
    const row = this.table.get(id)
    if (row?.autoDelete) this.delete(row)
    else if (row) this.table.put({ ...row, serverId: null })
  }

  delete({ id, ip }: PrimaryIpRow): void {
    this.inUse.delete(ip)
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
    labels: row.labels,
    created: timestamp(row.createdAt),
    blocked: false,
    location: LOCATIONS.find((location) => location.name === row.location),
    ip: row.ip,
    dns_ptr: row.type === 'ipv4' ? [{ ip: row.ip, dns_ptr: reverseName(row.ip) }] : [],
    protection: { delete: row.protected },
    type: row.type,
    auto_delete: row.autoDelete,
    assignee_type: 'server',
    assignee_id: row.serverId === null ? null : Number(row.serverId),
  }
}

/** The name that an IPv4 address leads back to until its owner chooses one. */
export const reverseName = (ip: string) =>
  `static.${ip.split('.').reverse().join('.')}.clients.your-server.de`

/** Primary IPs, as far as Atlas looks for them and gives them back. */
export function primaryIpRoutes(project: Project): Route[] {
  const { addresses } = project
  return [
    {
      method: 'GET',
      path: '/primary_ips',
      answer: ({ url }) => {
        const [asked, selects] = [oneOf(url, 'ip'), labelSelectorOf(url)]
        const rows = project.listed.primaryIps.filter((row) => asked(row.ip) && selects(row.labels))
        return listAnswer('primary_ips', rows, url, wirePrimaryIp)
      },
    },
    {
      method: 'GET',
      path: '/primary_ips/{id}',
      answer: ({ id }) => Response.json({ primary_ip: wirePrimaryIp(mustGet(addresses, id)) }),
    },
    {
      method: 'DELETE',
      path: '/primary_ips/{id}',
      answer: ({ id }) => {
        const row = mustGet(addresses, id)
        if (row.protected) throw new Refusal('protected', 'primary IP is protected')
        if (row.serverId !== null) {
          throw new Refusal('must_be_unassigned', 'primary IP must be unassigned before it can be deleted')
        }
        addresses.delete(row)
        return new Response(null, { status: 204 })
      },
    },
  ]
}

function mustGet(addresses: Addresses, id: string): PrimaryIpRow {
  const row = addresses.get(id)
  if (!row) throw notFound('primary_ip', id)
  return row
}
