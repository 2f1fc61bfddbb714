import * as v from 'valibot'
import { invalidInput, nameTaken, parse, Refusal } from './answers'
import { LOCATIONS, SERVER_TYPES, type ServerType } from './catalogue'
import { findFirewalls } from './firewalls'
import { findImage, imageTooBig, systemImageOf } from './images'
import { labelsSchema } from './labels'
import type { Project, ServerRow } from './project'
import { wireServer } from './server-wire'
import { findSshKeys } from './ssh-keys'

const FIRST_ID = 100_000_001
const USER_DATA_BYTES_MAX = 32 * 1024
const CREATE_MS = 7_000
const START_MS = 2_000

export const hostname = v.pipe(
  v.string(),
  v.regex(
    /^(?=.{1,253}$)[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(\.[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*$/,
    'must be a valid hostname',
  ),
)

const newServer = v.object({
  name: hostname,
  server_type: v.string(),
  image: v.string(),
  location: v.optional(v.string(), LOCATIONS[0]!.name),
  start_after_create: v.optional(v.boolean(), true),
  ssh_keys: v.optional(v.array(v.string()), []),
  firewalls: v.optional(v.array(v.object({ firewall: v.number() })), []),
  user_data: v.optional(
    v.pipe(
      v.string(),
      v.check((text) => Buffer.byteLength(text) <= USER_DATA_BYTES_MAX, 'must not be larger than 32 KiB'),
    ),
    '',
  ),
  labels: v.optional(labelsSchema, {}),
  public_net: v.optional(
    v.object({ enable_ipv4: v.optional(v.boolean(), true), enable_ipv6: v.optional(v.boolean(), true) }),
    { enable_ipv4: true, enable_ipv6: true },
  ),
})

type Order = v.InferOutput<typeof newServer>

/** `POST /servers`: everything is checked before anything is made. */
export function createServer(project: Project, body: unknown): Response {
  const order = parse(newServer, body)
  const row = placeServer(project, order, orderable(order))
  const create = project.beginQueued(row, {
    command: 'create_server',
    lastsMs: CREATE_MS,
    brings: { starts: order.start_after_create },
  })
  const firstStart = {
    command: 'start_server',
    beginsAt: create.finishesAt,
    lastsMs: START_MS,
    brings: { firstStart: true },
  }
  const start = order.start_after_create ? [project.beginQueued(row, firstStart)] : []
  const reply = {
    server: wireServer(project, row),
    action: project.actions.wire(create),
    next_actions: start.map((action) => project.actions.wire(action)),
    root_password: order.ssh_keys.length > 0 ? null : password(project),
  }
  return Response.json(reply, { status: 201 })
}

/** Puts a server there that was ordered a while ago and runs; its machine is the driver's to put there. */
export function placePastServer(project: Project, body: unknown, createdAt: number): ServerRow {
  const order = parse(newServer, body)
  const row = placeServer(project, order, orderable(order))
  return project.servers.put({ ...row, createdAt, status: 'running', hasMachine: true })
}

/** The type and its location, if it can be ordered there now. */
function orderable(order: Order): { type: ServerType; location: string } {
  const type = SERVER_TYPES.find(
    (one) => one.name === order.server_type || String(one.id) === order.server_type,
  )
  if (!type) throw invalidInput('server_type', 'server type not found')
  if (type.deprecated) throw new Refusal('invalid_input', `server type ${type.id} is deprecated`)
  const location = LOCATIONS.find((one) => one.name === order.location || String(one.id) === order.location)
  if (!location) throw invalidInput('location', 'location not found')
  const offer = type.locations.find((one) => one.name === location.name)
  if (!offer || offer.deprecation) throw new Refusal('invalid_input', 'unsupported location for server type')
  if (!offer.available) throw new Refusal('resource_unavailable', 'no capacity for this server type')
  return { type, location: location.name }
}

function placeServer(
  project: Project,
  order: Order,
  { type, location }: ReturnType<typeof orderable>,
): ServerRow {
  if (project.servers.find((row) => row.name === order.name)) throw nameTaken('server')
  const image = findImage(project, order.image, type.architecture)
  if (!image) throw invalidInput('image', 'image not found')
  const sshKeyIds = findSshKeys(project, order.ssh_keys).map((key) => key.id)
  const firewalls = findFirewalls(
    project,
    order.firewalls.map((one) => one.firewall),
  )
  if (image.disk_size > type.disk) throw imageTooBig()
  const { enable_ipv4, enable_ipv6 } = order.public_net
  requireRoom(project, Number(enable_ipv4) + Number(enable_ipv6))
  const id = project.nextId('server', FIRST_ID)
  return project.servers.put({
    id,
    name: order.name,
    status: 'initializing',
    createdAt: project.world.now(),
    serverType: type.name,
    location,
    imageId: String(image.id),
    systemImageId: systemImageOf(project, String(image.id)),
    diskGb: type.disk,
    labels: order.labels,
    userData: order.user_data,
    sshKeyIds,
    firewallIds: firewalls.map((firewall) => firewall.id),
    ipv4Id: enable_ipv4 ? project.addresses.give({ type: 'ipv4', serverId: id, location }).id : null,
    ipv6Id: enable_ipv6 ? project.addresses.give({ type: 'ipv6', serverId: id, location }).id : null,
    backupWindow: null,
    backedUpAt: 0,
    deaf: false,
    hasMachine: false,
  })
}

function requireRoom({ servers, addresses, limits }: Project, newAddresses: number): void {
  if (servers.size >= limits.servers) throw limitReached('server limit exceeded', 'server_limit')
  if (addresses.size + newAddresses > limits.primaryIps) {
    throw limitReached('Primary IP limit exceeded', 'primary_ip_limit')
  }
}

const limitReached = (message: string, name: string) =>
  new Refusal('resource_limit_exceeded', message, { limits: [{ name }] })

const LETTERS = 'abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789'

/** What Hetzner makes up for a server that no SSH key opens. */
export const password = (project: Project) =>
  Array.from({ length: 20 }, () => LETTERS[Math.floor(project.world.random() * LETTERS.length)]).join('')
