/** What the simulated Hetzner sells: the published catalogue in small, with the gaps of a real one. */

export type Location = {
  id: number
  name: string
  description: string
  country: string
  city: string
  latitude: number
  longitude: number
  network_zone: string
}

export const LOCATIONS: Location[] = [
  place(1, 'fsn1', 'Falkenstein DC Park 1', 'DE', 'Falkenstein', 50.47612, 12.370071, 'eu-central'),
  place(2, 'nbg1', 'Nuremberg DC Park 1', 'DE', 'Nuremberg', 49.452102, 11.076665, 'eu-central'),
  place(3, 'hel1', 'Helsinki DC Park 1', 'FI', 'Helsinki', 60.169855, 24.938379, 'eu-central'),
  place(4, 'ash', 'Ashburn, VA', 'US', 'Ashburn, VA', 39.045821, -77.487073, 'us-east'),
  place(5, 'hil', 'Hillsboro, OR', 'US', 'Hillsboro, OR', 45.54222, -122.951924, 'us-west'),
  place(6, 'sin', 'Singapore', 'SG', 'Singapore', 1.283333, 103.833333, 'ap-southeast'),
]

const GONE = { announced: '2024-06-06T00:00:00Z', unavailable_after: '2024-09-06T00:00:00Z' }
const ENDED = { announced: '2025-10-16T00:00:00Z', unavailable_after: '2026-01-01T00:00:00Z' }
const TRAFFIC_BYTES = 20 * 1024 ** 4
const VAT_PERCENT = 19

type Sold = 'sold' | 'sold out' | 'ended'
type Type = { id: number; name: string; size: [cores: number, memory: number, disk: number] } & {
  cpu?: 'dedicated'
  arm?: boolean
  category: string
  monthlyNet: number
  deprecated?: boolean
  where: Record<string, Sold>
}

const EUROPE = { fsn1: 'sold', nbg1: 'sold', hel1: 'sold' } as const
const AMERICA = { ash: 'sold', hil: 'sold' } as const
const ENDED_EUROPE = { fsn1: 'ended', nbg1: 'ended', hel1: 'ended' } as const

const TYPES: Type[] = [
  {
    id: 1,
    name: 'cx11',
    size: [1, 2, 20],
    category: 'cost_optimized',
    monthlyNet: 3.29,
    deprecated: true,
    where: {},
  },
  {
    id: 22,
    name: 'cpx11',
    size: [2, 2, 40],
    category: 'regular_performance',
    monthlyNet: 4.35,
    where: { ...ENDED_EUROPE, ...AMERICA },
  },
  {
    id: 23,
    name: 'cpx21',
    size: [3, 4, 80],
    category: 'regular_performance',
    monthlyNet: 7.55,
    where: { ...EUROPE, ...AMERICA },
  },
  {
    id: 24,
    name: 'cpx31',
    size: [4, 8, 160],
    category: 'regular_performance',
    monthlyNet: 13.6,
    where: { nbg1: 'sold out', hel1: 'sold', ...AMERICA },
  },
  {
    id: 45,
    name: 'cax11',
    size: [2, 4, 40],
    category: 'cost_optimized',
    monthlyNet: 3.79,
    arm: true,
    where: { fsn1: 'sold', nbg1: 'sold out', hel1: 'sold' },
  },
  {
    id: 96,
    name: 'ccx13',
    size: [2, 8, 80],
    category: 'general_purpose',
    monthlyNet: 12.49,
    cpu: 'dedicated',
    where: { ...EUROPE, ...AMERICA, sin: 'sold' },
  },
  {
    id: 97,
    name: 'ccx23',
    size: [4, 16, 160],
    category: 'general_purpose',
    monthlyNet: 24.49,
    cpu: 'dedicated',
    where: { ...EUROPE, ...AMERICA, sin: 'sold out' },
  },
  {
    id: 98,
    name: 'ccx33',
    size: [8, 32, 240],
    category: 'general_purpose',
    monthlyNet: 48.49,
    cpu: 'dedicated',
    where: { ...EUROPE, ...AMERICA },
  },
  {
    id: 109,
    name: 'cpx22',
    size: [2, 4, 80],
    category: 'regular_performance',
    monthlyNet: 6.49,
    where: EUROPE,
  },
  { id: 114, name: 'cx23', size: [2, 4, 40], category: 'cost_optimized', monthlyNet: 3.49, where: EUROPE },
  { id: 115, name: 'cx33', size: [4, 8, 80], category: 'cost_optimized', monthlyNet: 5.49, where: EUROPE },
]

export type ServerType = ReturnType<typeof wireType>

export const SERVER_TYPES: ServerType[] = TYPES.map(wireType)

export type SystemImage = { id: number; name: string; flavor: 'debian' | 'ubuntu'; version: string } & {
  description: string
  architecture: 'x86' | 'arm'
  deprecated: string | null
}

export const SYSTEM_IMAGES: SystemImage[] = [
  ...both(114690387, 'debian', '12', 'Debian 12'),
  ...both(310557660, 'debian', '13', 'Debian 13'),
  ...both(67794396, 'ubuntu', '22.04', 'Ubuntu 22.04'),
  ...both(161547269, 'ubuntu', '24.04', 'Ubuntu 24.04'),
  ...both(45557056, 'debian', '11', 'Debian 11', '2026-08-31T00:00:00Z'),
]

/** What everything costs that is not a server, and each type of those; of load balancers nothing is sold here. */
export function pricing() {
  const everywhere = (net: number) =>
    LOCATIONS.map(({ name: location }) => ({
      location,
      price_hourly: amount(net / 625),
      price_monthly: amount(net),
    }))
  const floating = (net: number) =>
    LOCATIONS.map(({ name: location }) => ({ location, price_monthly: amount(net) }))
  return {
    currency: 'EUR',
    vat_rate: VAT_PERCENT.toFixed(6),
    primary_ips: [
      { type: 'ipv4', prices: everywhere(0.5) },
      { type: 'ipv6', prices: everywhere(0) },
    ],
    floating_ips: [
      { type: 'ipv4', prices: floating(3) },
      { type: 'ipv6', prices: floating(1) },
    ],
    image: { price_per_gb_month: amount(0.0119) },
    volume: { price_per_gb_month: amount(0.044) },
    server_backup: { percentage: '20.0000000000' },
    server_types: SERVER_TYPES.map(({ id, name, prices }) => ({ id, name, prices })),
    load_balancer_types: [],
    floating_ip: { price_monthly: amount(3) },
  }
}

function place(
  id: number,
  name: string,
  description: string,
  country: string,
  city: string,
  latitude: number,
  longitude: number,
  network_zone: string,
): Location {
  return { id, name, description, country, city, latitude, longitude, network_zone }
}

function wireType(type: Type) {
  const [cores, memory, disk] = type.size
  return {
    id: type.id,
    name: type.name,
    description: type.name.toUpperCase(),
    cores,
    memory,
    disk,
    deprecated: type.deprecated ?? false,
    deprecation: type.deprecated ? GONE : null,
    prices: Object.keys(type.where).map((location) => price(location, type.monthlyNet)),
    storage_type: 'local' as const,
    cpu_type: type.cpu ?? ('shared' as const),
    category: type.category,
    architecture: type.arm ? ('arm' as const) : ('x86' as const),
    locations: Object.entries(type.where).map(([name, sold]) => ({
      id: LOCATIONS.find((location) => location.name === name)!.id,
      name,
      deprecation: sold === 'ended' ? ENDED : null,
      recommended: sold === 'sold' && type.category !== 'cost_optimized',
      available: sold === 'sold',
    })),
  }
}

function amount(net: number) {
  return { net: net.toFixed(10), gross: (net * (1 + VAT_PERCENT / 100)).toFixed(10) }
}

function price(location: string, net: number) {
  return {
    location,
    price_hourly: amount(net / 625),
    price_monthly: amount(net),
    included_traffic: TRAFFIC_BYTES,
    price_per_tb_traffic: amount(1),
  }
}

function both(
  id: number,
  flavor: 'debian' | 'ubuntu',
  version: string,
  description: string,
  deprecated: string | null = null,
): SystemImage[] {
  const image = { name: `${flavor}-${version}`, flavor, version, description, deprecated }
  return [
    { ...image, id, architecture: 'x86' },
    { ...image, id: id + 1, architecture: 'arm' },
  ]
}
