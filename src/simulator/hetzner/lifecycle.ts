import * as v from 'valibot'
import type { ActionRow } from './actions'
import { parse, Refusal } from './answers'
import { SERVER_TYPES } from './catalogue'
import { imageById, wireSnapshot } from './images'
import { labelsSchema } from './labels'
import type { Project, ServerRow, ServerStatus } from './project'
import type { Call, Route } from './routes'
import { mustGetServer } from './server-wire'

type Power = { verb: string; command: string; lastsMs: number; meanwhile?: ServerStatus }

const POWER: Power[] = [
  { verb: 'poweron', command: 'start_server', lastsMs: 3_000, meanwhile: 'starting' },
  { verb: 'poweroff', command: 'stop_server', lastsMs: 2_000, meanwhile: 'stopping' },
  { verb: 'shutdown', command: 'shutdown_server', lastsMs: 5_000, meanwhile: 'stopping' },
  { verb: 'reboot', command: 'reboot_server', lastsMs: 4_000 },
  { verb: 'reset', command: 'reset_server', lastsMs: 3_000 },
  { verb: 'enable_backup', command: 'enable_backup', lastsMs: 2_000 },
  { verb: 'disable_backup', command: 'disable_backup', lastsMs: 2_000 },
]

const CHANGE_TYPE_MS = 5_000
const CREATE_IMAGE_MS = 5_000
const FIRST_IMAGE_ID = 400_000_001

/** `POST /servers/{id}/actions/...`: each locks the server until it has ended. */
export function lifecycleRoutes(project: Project): Route[] {
  const simple = POWER.map(({ verb, command, lastsMs, meanwhile }) =>
    actionRoute(verb, ({ id }) => {
      const server = mustGetServer(project, id)
      const action = project.begin(server, { command, lastsMs })
      if (meanwhile) project.servers.put({ ...server, status: meanwhile })
      return Response.json({ action: project.actions.wire(action) }, { status: 201 })
    }),
  )
  return [
    ...simple,
    actionRoute('change_type', (call) => changeType(project, call)),
    actionRoute('create_image', (call) => createImage(project, call)),
  ]
}

const actionRoute = (verb: string, answer: Route['answer']): Route => ({
  method: 'POST',
  path: `/servers/{id}/actions/${verb}`,
  answer,
})

function changeType(project: Project, { id, body }: Call): Response {
  const server = mustGetServer(project, id)
  const { server_type, upgrade_disk } = parse(
    v.object({ server_type: v.string(), upgrade_disk: v.boolean() }),
    body,
  )
  const now = SERVER_TYPES.find((type) => type.name === server.serverType)
  const next = SERVER_TYPES.find((type) => type.name === server_type || String(type.id) === server_type)
  const fits =
    next && !next.deprecated && next.architecture === now?.architecture && next.disk >= server.diskGb
  if (!fits || next.name === server.serverType) {
    throw new Refusal('invalid_server_type', 'server type does not fit for the given server or is deprecated')
  }
  if (server.status !== 'off') throw new Refusal('server_not_stopped', 'server is not stopped')
  if (!next.locations.some((one) => one.name === server.location && one.available)) {
    throw new Refusal('resource_unavailable', 'no capacity for this server type')
  }
  const brings = { serverType: next.name, diskGb: upgrade_disk ? next.disk : server.diskGb }
  const action = project.begin(server, { command: 'change_server_type', lastsMs: CHANGE_TYPE_MS, brings })
  project.servers.put({ ...server, status: 'migrating' })
  return Response.json({ action: project.actions.wire(action) }, { status: 201 })
}

const newImage = v.object({
  type: v.optional(v.picklist(['snapshot', 'backup']), 'snapshot'),
  description: v.optional(v.string(), ''),
  labels: v.optional(labelsSchema, {}),
})

function createImage(project: Project, { id, body }: Call): Response {
  const server = mustGetServer(project, id)
  const order = parse(newImage, body)
  const imageId = project.nextId('image', FIRST_IMAGE_ID)
  const action = project.begin(server, {
    command: 'create_image',
    lastsMs: CREATE_IMAGE_MS,
    brings: { imageId },
  })
  const image = project.snapshots.put({
    ...order,
    id: imageId,
    serverId: server.id,
    serverName: server.name,
    fromImageId: server.imageId,
    diskGb: server.diskGb,
    createdAt: project.world.now(),
    ready: false,
  })
  return Response.json({ image: wireSnapshot(image), action: project.actions.wire(action) }, { status: 201 })
}

/** What the end of an action does to its server and to the machine behind it. */
export function finishAction(project: Project, action: ActionRow): void {
  const server = action.serverId === null ? undefined : project.servers.get(action.serverId)
  if (!server) return
  if (action.error) undo(project, server, action)
  else ENDS[action.command]?.(project, server, action)
}

function undo(project: Project, server: ServerRow, action: ActionRow): void {
  if (action.command === 'create_server') {
    project.actions.abandon(server.id, action.error!)
    remove(project, server)
    return
  }
  if (action.command === 'create_image') project.snapshots.delete(String(action.brings.imageId))
  const status = action.statusBefore === 'initializing' ? 'off' : (action.statusBefore as ServerStatus)
  if (status === 'off' && server.hasMachine) project.driver.powerOff(server.id)
  project.servers.put({ ...server, status })
}

type End = (project: Project, server: ServerRow, action: ActionRow) => void

const ENDS: Record<string, End> = {
  create_server: (project, server, { brings }) => {
    if (!brings.starts) return void project.servers.put({ ...server, status: 'off' })
    project.servers.put({ ...powerOn(project, server), status: 'starting' })
  },
  start_server: (project, server, { brings }) => {
    // A new server's machine was made when its creation ended; this is only its boot.
    const row = brings.firstStart ? server : powerOn(project, server)
    project.servers.put({ ...row, status: 'running' })
  },
  stop_server: powerOff,
  shutdown_server: powerOff,
  reboot_server: reboot,
  reset_server: reboot,
  delete_server: (project, server) => remove(project, server),
  change_server_type: (project, server, { brings }) => {
    const serverType = String(brings.serverType)
    project.servers.put({ ...server, status: 'off', serverType, diskGb: Number(brings.diskGb) })
  },
  create_image: (project, _server, { brings }) => {
    const image = project.snapshots.get(String(brings.imageId))
    if (image) project.snapshots.put({ ...image, ready: true })
  },
  enable_backup: (project, server) => void project.servers.put({ ...server, backupWindow: '22-02' }),
  disable_backup: (project, server) => void project.servers.put({ ...server, backupWindow: null }),
}

/** The first start makes the machine; a server without IPv4 has none, since nobody could reach it. */
function powerOn(project: Project, server: ServerRow): ServerRow {
  const ipv4 = project.addresses.get(server.ipv4Id)?.ip
  if (server.hasMachine) {
    project.driver.powerOn(server.id)
    return server
  }
  if (!ipv4) return server
  project.driver.create({
    serverId: server.id,
    name: server.name,
    ipv4,
    image: imageById(project, server.imageId)?.name ?? server.imageId,
    userData: server.userData,
    sshKeys: server.sshKeyIds.flatMap((id) => project.sshKeys.get(id)?.publicKey ?? []),
  })
  return { ...server, hasMachine: true }
}

function powerOff(project: Project, server: ServerRow): void {
  if (server.hasMachine) project.driver.powerOff(server.id)
  project.servers.put({ ...server, status: 'off' })
}

function reboot(project: Project, server: ServerRow): void {
  if (server.hasMachine && server.status === 'running') project.driver.reboot(server.id)
}

function remove(project: Project, server: ServerRow): void {
  if (server.hasMachine) project.driver.delete(server.id)
  for (const id of [server.ipv4Id, server.ipv6Id]) if (id) project.addresses.release(id)
  project.servers.delete(server.id)
}
