import { FIRST_IMAGE_ID } from './backups'
import { LOCATIONS } from './catalogue'
import { findImage, sizeGb } from './images'
import type { Project } from './project'
import { placePastServer } from './server-create'

const FIRST_VOLUME_ID = 90_000_001
const HOME = LOCATIONS[0]!.name

/** What any of them may say for itself. Times are in UTC milliseconds. */
type Past = { location?: string; labels?: Record<string, string>; protected?: boolean; createdAt?: number }

export type SeededPrimaryIp = Past & { type?: 'ipv4' | 'ipv6' }
export type SeededVolume = Past & { name: string; sizeGb: number; serverId?: string | null }
export type SeededSnapshot = Past & { description: string; serverId?: string; diskGb?: number; disk?: string }

/**
 * Puts a running server there that was ordered at `createdAt` with this body of `POST /servers`; with `backups` it has
 * the cloud's own ones on.
 */
export function seedServer(project: Project, body: object, createdAt: number, { backups = false } = {}) {
  const server = placePastServer(project, body, createdAt)
  const { id, ipv4Id, ipv6Id } = server
  if (backups) project.backups.begin(server)
  const { addresses } = project
  const ips = { ipv4: addresses.get(ipv4Id)?.ip ?? null, ipv6: addresses.get(ipv6Id)?.ip ?? null }
  return { id, ipv4Id, ipv6Id, ...ips }
}

/** Puts an address there that no server has. */
export function seedPrimaryIp(project: Project, past: SeededPrimaryIp): { id: string; ip: string } {
  const { id, ip } = project.addresses.give({ type: 'ipv4', location: HOME, ...past, serverId: null })
  return { id, ip }
}

/** Puts a volume there, attached to a server or to none. */
export function seedVolume(project: Project, past: SeededVolume): { id: string } {
  const usual = {
    location: HOME,
    serverId: null,
    labels: {},
    protected: false,
    createdAt: project.world.now(),
  }
  return project.volumes.put({ ...usual, ...past, id: project.nextId('volume', FIRST_VOLUME_ID) })
}

/** Puts a snapshot there, also of a server that is gone. */
export function seedSnapshot(project: Project, past: SeededSnapshot): { id: string; sizeGb: number } {
  const { serverId = '1', labels = {}, diskGb = 40, disk = '' } = past
  const row = project.snapshots.put({
    id: project.nextId('image', FIRST_IMAGE_ID),
    type: 'snapshot',
    description: past.description,
    serverId,
    serverName: project.servers.get(serverId)?.name ?? 'gone',
    systemImageId: String(findImage(project, 'debian-13', 'x86')?.id),
    diskGb,
    labels,
    createdAt: past.createdAt ?? project.world.now(),
    ready: true,
    protected: past.protected ?? false,
    disk,
  })
  return { id: row.id, sizeGb: sizeGb(row) }
}
