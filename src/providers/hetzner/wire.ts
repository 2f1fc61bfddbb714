import * as v from 'valibot'
import { AtlasError } from '../../errors'
import type { CloudAction, CloudPrices, CloudServer, ServerType } from '../cloud'

const id = v.pipe(v.number(), v.integer(), v.transform(String))
const architecture = v.picklist(['x86', 'arm'])
const labels = v.record(v.string(), v.string())
const moment = v.pipe(
  v.string(),
  v.transform((text) => Date.parse(text)),
  v.number(),
)

const address = v.object({ id: v.optional(id), ip: v.string() })

const action = v.object({
  id,
  command: v.string(),
  status: v.picklist(['running', 'success', 'error']),
  progress: v.number(),
  started: moment,
  error: v.nullable(v.object({ code: v.string(), message: v.string() })),
})

const server = v.object({
  id,
  name: v.string(),
  status: v.string(),
  created: moment,
  public_net: v.object({
    ipv4: v.nullable(address),
    ipv6: v.nullable(address),
  }),
  server_type: v.object({ name: v.string() }),
  location: v.object({ name: v.string() }),
  primary_disk_size: v.number(),
  backup_window: v.nullable(v.string()),
  labels,
})

const image = v.object({
  id,
  type: v.string(),
  status: v.picklist(['creating', 'available', 'unavailable']),
  name: v.nullable(v.string()),
  description: v.string(),
  image_size: v.nullable(v.number()),
  created: moment,
  created_from: v.nullable(v.object({ id })),
  architecture,
  deprecated: v.nullable(v.string()),
  labels,
})

const primaryIp = v.object({
  id,
  ip: v.string(),
  type: v.picklist(['ipv4', 'ipv6']),
  assignee_id: v.nullable(id),
  location: v.object({ name: v.string() }),
  labels,
  created: moment,
})

const volume = v.object({
  id,
  name: v.string(),
  size: v.number(),
  server: v.nullable(id),
  labels,
  created: moment,
})

const deprecation = v.nullish(v.object({ unavailable_after: moment }))

const serverType = v.object({
  name: v.string(),
  cores: v.number(),
  memory: v.number(),
  disk: v.number(),
  cpu_type: v.picklist(['shared', 'dedicated']),
  architecture,
  deprecation,
  prices: v.array(v.object({ location: v.string(), price_monthly: v.object({ net: v.string() }) })),
  locations: v.array(v.object({ name: v.string(), available: v.boolean(), deprecation })),
})

const netPrice = v.object({ net: v.string() })
const perGb = v.object({ price_per_gb_month: netPrice })

const pricing = v.object({
  currency: v.string(),
  primary_ips: v.array(
    v.object({
      type: v.picklist(['ipv4', 'ipv6']),
      prices: v.array(v.object({ location: v.string(), price_monthly: netPrice })),
    }),
  ),
  image: perGb,
  volume: perGb,
})

/** The parts of Hetzner's answers that Atlas reads; everything else may come and go. */
export const replies = {
  action: v.object({ action: v.optional(action) }),
  actions: v.object({ actions: v.array(action) }),
  started: v.object({ action }),
  server: v.object({ server }),
  servers: v.object({ servers: v.array(server) }),
  createdServer: v.object({ server, action, next_actions: v.array(action) }),
  firewall: v.object({ firewall: v.object({ id }) }),
  firewalls: v.object({ firewalls: v.array(v.object({ id, labels: v.optional(labels, {}) })) }),
  sshKey: v.object({ ssh_key: v.object({ id, name: v.string(), fingerprint: v.string() }) }),
  sshKeys: v.object({ ssh_keys: v.array(v.object({ id, name: v.string(), fingerprint: v.string() })) }),
  serverTypes: v.object({ server_types: v.array(serverType) }),
  locations: v.object({
    locations: v.array(v.object({ name: v.string(), city: v.string(), country: v.string() })),
  }),
  image: v.object({ image }),
  images: v.object({ images: v.array(image) }),
  createdImage: v.object({ image, action }),
  primaryIps: v.object({ primary_ips: v.array(primaryIp) }),
  volume: v.object({ volume }),
  volumes: v.object({ volumes: v.array(volume) }),
  pricing: v.object({ pricing }),
}

type Schema = v.BaseSchema<unknown, unknown, v.BaseIssue<unknown>>

/** The answer in the shape that was expected. Throws `internal`: another shape means that Atlas must be updated. */
export function read<S extends Schema>(schema: S, reply: unknown): v.InferOutput<S> {
  const result = v.safeParse(schema, reply)
  if (result.success) return result.output
  const where = result.issues.map((issue) => v.getDotPath(issue) ?? '').join(', ')
  throw new AtlasError('internal', `Hetzner's answer has an unknown shape at: ${where}`)
}

export type WireAction = v.InferOutput<typeof action>
export type WireImage = v.InferOutput<typeof image>
export type WirePrimaryIp = v.InferOutput<typeof primaryIp>
export type WireVolume = v.InferOutput<typeof volume>

export function toServer(wire: v.InferOutput<typeof server>): CloudServer {
  const { ipv4, ipv6 } = wire.public_net
  return {
    id: wire.id,
    name: wire.name,
    status: wire.status,
    ipv4: ipv4?.ip ?? null,
    ipv6: ipv6 && ownAddress(ipv6.ip),
    ipv4Id: ipv4?.id ?? null,
    ipv6Id: ipv6?.id ?? null,
    serverType: wire.server_type.name,
    location: wire.location.name,
    diskGb: wire.primary_disk_size,
    backups: wire.backup_window !== null,
    labels: wire.labels,
    createdAt: wire.created,
  }
}

// Hetzner gives the network (2001:db8::/64); the server's own address in it ends in 1.
export const ownAddress = (network: string) => network.replace(/::\/64$/, '::1')

export function toAction({ id, command, status, progress, error }: WireAction): CloudAction {
  return { id, command, status, progress, error }
}

export function toPrices({
  currency,
  primary_ips,
  image,
  volume,
}: v.InferOutput<typeof pricing>): CloudPrices {
  const addressCents: CloudPrices['addressCents'] = { ipv4: {}, ipv6: {} }
  for (const { type, prices } of primary_ips) {
    for (const { location, price_monthly } of prices) addressCents[type][location] = centsOf(price_monthly)
  }
  return {
    currency: currency.toLowerCase(),
    addressCents,
    imageGbCents: centsOf(image.price_per_gb_month),
    volumeGbCents: centsOf(volume.price_per_gb_month),
  }
}

const centsOf = ({ net }: v.InferOutput<typeof netPrice>) => Number(net) * 100

/** The type with the locations where it can be ordered at `nowMs`. */
export function toServerType(wire: v.InferOutput<typeof serverType>, nowMs: number): ServerType {
  const sold = (end: v.InferOutput<typeof deprecation>) => !end || end.unavailable_after > nowMs
  const locations = wire.locations
    .filter((location) => location.available && sold(location.deprecation) && sold(wire.deprecation))
    .map((location) => location.name)
  const prices = wire.prices.filter((price) => locations.includes(price.location))
  return {
    name: wire.name,
    cores: wire.cores,
    memoryGb: wire.memory,
    diskGb: wire.disk,
    cpuType: wire.cpu_type,
    architecture: wire.architecture,
    locations,
    monthlyCents: Object.fromEntries(
      prices.map((p) => [p.location, Math.round(Number(p.price_monthly.net) * 100)]),
    ),
  }
}
