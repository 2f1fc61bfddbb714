import { notFound, Refusal, timestamp } from './answers'
import { LOCATIONS } from './catalogue'
import { labelSelectorOf } from './labels'
import { listAnswer, oneOf } from './lists'
import type { Project, VolumeRow } from './project'
import type { Route } from './routes'

/** Volumes, as far as Atlas looks for them and removes what nobody has. */
export function volumeRoutes(project: Project): Route[] {
  return [
    {
      method: 'GET',
      path: '/volumes',
      answer: ({ url }) => {
        const [named, inStatus, selects] = [oneOf(url, 'name'), oneOf(url, 'status'), labelSelectorOf(url)]
        const rows = project.listed.volumes.filter(
          (row) => named(row.name) && inStatus('available') && selects(row.labels),
        )
        return listAnswer('volumes', rows, url, wireVolume)
      },
    },
    {
      method: 'GET',
      path: '/volumes/{id}',
      answer: ({ id }) => Response.json({ volume: wireVolume(mustGet(project, id)) }),
    },
    {
      method: 'DELETE',
      path: '/volumes/{id}',
      answer: ({ id }) => {
        const row = mustGet(project, id)
        if (row.protected) throw new Refusal('protected', 'volume is protected')
        if (row.serverId !== null) {
          throw new Refusal('service_error', `volume with ID '${id}' is still attached to a server`)
        }
        project.volumes.delete(id)
        return new Response(null, { status: 204 })
      },
    },
  ]
}

/** The volumes that are attached to a server. */
export const volumesOf = (project: Project, serverId: string): VolumeRow[] =>
  project.volumes.size === 0 ? [] : project.volumes.all().filter((row) => row.serverId === serverId)

function mustGet(project: Project, id: string): VolumeRow {
  const row = project.volumes.get(id)
  if (!row) throw notFound('volume', id)
  return row
}

function wireVolume(row: VolumeRow) {
  return {
    id: Number(row.id),
    created: timestamp(row.createdAt),
    name: row.name,
    server: row.serverId === null ? null : Number(row.serverId),
    location: LOCATIONS.find((location) => location.name === row.location),
    size: row.sizeGb,
    linux_device: `/dev/disk/by-id/scsi-0HC_Volume_${row.id}`,
    protection: { delete: row.protected },
    labels: row.labels,
    status: 'available',
    format: 'ext4',
  }
}
