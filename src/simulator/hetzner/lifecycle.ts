import * as v from 'valibot'
import { invalidInput, parse, Refusal } from './answers'
import { CREATE_IMAGE_MS, newSnapshot } from './backups'
import { SERVER_TYPES } from './catalogue'
import { findImage, imageTooBig, wireSnapshot } from './images'
import { labelsSchema } from './labels'
import type { Project, ServerStatus } from './project'
import type { Call, Route } from './routes'
import { password } from './server-create'
import { mustGetServer } from './server-wire'

type Simple = {
  verb: string
  command: string
  lastsMs: number
  from?: ServerStatus
  meanwhile?: ServerStatus
}

const SIMPLE: Simple[] = [
  { verb: 'poweron', command: 'start_server', lastsMs: 3_000, from: 'off', meanwhile: 'starting' },
  { verb: 'poweroff', command: 'stop_server', lastsMs: 2_000, from: 'running', meanwhile: 'stopping' },
  // Its end says that the system was asked: https://docs.hetzner.cloud/reference/cloud#server-actions-shutdown-a-server
  { verb: 'shutdown', command: 'shutdown_server', lastsMs: 2_000 },
  { verb: 'reboot', command: 'reboot_server', lastsMs: 4_000 },
  { verb: 'reset', command: 'reset_server', lastsMs: 3_000 },
  { verb: 'enable_backup', command: 'enable_backup', lastsMs: 2_000 },
  { verb: 'disable_backup', command: 'disable_backup', lastsMs: 2_000 },
]

const CHANGE_TYPE_MS = 5_000
const REBUILD_MS = 5_000

/** `POST /servers/{id}/actions/...`: each locks the server until it has ended. */
export function lifecycleRoutes(project: Project): Route[] {
  const simple = SIMPLE.map(({ verb, command, lastsMs, from, meanwhile }) =>
    actionRoute(verb, ({ id }) => {
      const server = mustGetServer(project, id)
      const action = project.begin(server, { command, lastsMs })
      if (meanwhile && server.status === from) project.servers.put({ ...server, status: meanwhile })
      return Response.json({ action: project.actions.wire(action) }, { status: 201 })
    }),
  )
  return [
    ...simple,
    actionRoute('change_type', (call) => changeType(project, call)),
    actionRoute('rebuild', (call) => rebuild(project, call)),
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

const rebuildOrder = v.object({ image: v.string(), user_data: v.optional(v.string()) })

/** The server loses its power at once and its disk when the action ends. */
function rebuild(project: Project, { id, body }: Call): Response {
  const server = mustGetServer(project, id)
  const order = parse(rebuildOrder, body)
  const type = SERVER_TYPES.find((one) => one.name === server.serverType)
  const image = findImage(project, order.image, type?.architecture ?? 'x86')
  if (!image) throw invalidInput('image', 'image not found')
  if (image.disk_size > server.diskGb) throw imageTooBig()
  const brings = { imageId: String(image.id), userData: order.user_data ?? server.userData }
  const action = project.begin(server, { command: 'rebuild_server', lastsMs: REBUILD_MS, brings })
  project.actions.callOff(server.id)
  if (server.hasMachine) project.driver.powerOff(server.id)
  project.servers.put({ ...server, status: 'rebuilding' })
  const root_password = server.sshKeyIds.length > 0 ? null : password(project)
  return Response.json({ action: project.actions.wire(action), root_password }, { status: 201 })
}

const newImage = v.object({
  type: v.optional(v.picklist(['snapshot', 'backup']), 'snapshot'),
  description: v.optional(v.string(), ''),
  labels: v.optional(labelsSchema, {}),
})

function createImage(project: Project, { id, body }: Call): Response {
  const server = mustGetServer(project, id)
  const order = parse(newImage, body)
  const image = newSnapshot(project, server, order)
  const brings = { imageId: image.id }
  const action = project.begin(server, { command: 'create_image', lastsMs: CREATE_IMAGE_MS, brings })
  project.snapshots.put(image)
  return Response.json({ image: wireSnapshot(image), action: project.actions.wire(action) }, { status: 201 })
}
