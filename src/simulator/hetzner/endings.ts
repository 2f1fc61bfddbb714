import type { ActionRow } from './actions'
import { dropBackups, keepNewest } from './backups'
import { imageById, systemImageOf } from './images'
import type { Project, ServerRow, ServerStatus } from './project'
import { volumesOf } from './volumes'

const SYSTEM_STOP_MS = 4_000

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
    removeServer(project, server)
    return
  }
  if (action.command === 'create_image') project.snapshots.delete(String(action.brings.imageId))
  // A rebuild has taken its power already.
  const lost = action.statusBefore === 'initializing' || action.command === 'rebuild_server'
  const status = lost ? 'off' : (action.statusBefore as ServerStatus)
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
  shutdown_server: (project, server) => {
    if (server.deaf || server.status !== 'running') return
    project.beginQueued(server, { command: 'system_stop', lastsMs: SYSTEM_STOP_MS, unseen: true })
  },
  system_stop: powerOff,
  reboot_server: reboot,
  reset_server: reboot,
  delete_server: (project, server) => removeServer(project, server),
  change_server_type: (project, server, { brings }) => {
    const serverType = String(brings.serverType)
    project.servers.put({ ...server, status: 'off', serverType, diskGb: Number(brings.diskGb) })
  },
  rebuild_server: (project, server, { brings }) => {
    const imageId = String(brings.imageId)
    const rebuilt: ServerRow = {
      ...server,
      status: 'running',
      imageId,
      systemImageId: systemImageOf(project, imageId),
      userData: String(brings.userData),
      deaf: false,
    }
    project.servers.put(withNewDisk(project, rebuilt))
  },
  create_image: (project, server, { brings }) => {
    const image = project.snapshots.get(String(brings.imageId))
    if (image) project.snapshots.put({ ...image, ready: true })
    keepNewest(project, server.id)
  },
  enable_backup: (project, server) => project.backups.begin(server),
  disable_backup: (project, server) => {
    project.servers.put({ ...server, backupWindow: null })
    dropBackups(project, server.id)
  },
}

/** The first start makes the machine; a server without IPv4 has none, since nobody could reach it. */
function powerOn(project: Project, server: ServerRow): ServerRow {
  if (!server.hasMachine) return makeMachine(project, server)
  project.driver.powerOn(server.id)
  return server
}

function makeMachine(project: Project, server: ServerRow): ServerRow {
  const ipv4 = project.addresses.get(server.ipv4Id)?.ip
  if (!ipv4) return server
  const disk = project.snapshots.get(server.imageId)?.disk
  project.driver.create({
    serverId: server.id,
    name: server.name,
    ipv4,
    image: imageById(project, server.imageId)?.name ?? server.imageId,
    userData: server.userData,
    sshKeys: server.sshKeyIds.flatMap((id) => project.sshKeys.get(id)?.publicKey ?? []),
    ...(disk !== undefined && { disk }),
  })
  return { ...server, hasMachine: true }
}

/** A snapshot is put on the machine's disk; with one of Hetzner's own images it begins anew. */
function withNewDisk(project: Project, server: ServerRow): ServerRow {
  const disk = project.snapshots.get(server.imageId)?.disk
  if (server.hasMachine && disk !== undefined) {
    project.driver.rebuild(server.id, disk)
    return server
  }
  if (server.hasMachine) project.driver.delete(server.id)
  return makeMachine(project, server)
}

function powerOff(project: Project, server: ServerRow): void {
  project.actions.callOff(server.id)
  if (server.hasMachine) project.driver.powerOff(server.id)
  project.servers.put({ ...server, status: 'off', deaf: false })
}

function reboot(project: Project, server: ServerRow): void {
  project.actions.callOff(server.id)
  project.servers.put({ ...server, deaf: false })
  if (server.hasMachine && server.status === 'running') project.driver.reboot(server.id)
}

/** Addresses and backups go with their server; volumes stay. */
export function removeServer(project: Project, server: ServerRow): void {
  if (server.hasMachine) project.driver.delete(server.id)
  for (const id of [server.ipv4Id, server.ipv6Id]) if (id) project.addresses.leave(id)
  for (const volume of volumesOf(project, server.id)) project.volumes.put({ ...volume, serverId: null })
  dropBackups(project, server.id)
  project.servers.delete(server.id)
}
