import { notFound, timestamp } from './answers'
import { SYSTEM_IMAGES, type SystemImage } from './catalogue'
import { labelSelectorOf } from './labels'
import { listAnswer, oneOf } from './lists'
import type { Project, SnapshotRow } from './project'
import type { Route } from './routes'

const SYSTEM_CREATED = '2025-08-12T05:30:00Z'

export type WireImage = ReturnType<typeof wireSystem> | ReturnType<typeof wireSnapshot>

export function imageRoutes(project: Project): Route[] {
  return [
    {
      method: 'GET',
      path: '/images',
      answer: ({ url }) => {
        const [typed, inStatus, named] = [oneOf(url, 'type'), oneOf(url, 'status'), oneOf(url, 'name')]
        const [forCpu, bound] = [oneOf(url, 'architecture'), oneOf(url, 'bound_to')]
        const selects = labelSelectorOf(url)
        const old = url.searchParams.get('include_deprecated') === 'true'
        const shown = allImages(project)
          .filter((image) => typed(image.type) && inStatus(image.status) && named(image.name ?? ''))
          .filter((image) => forCpu(image.architecture) && bound(String(image.bound_to)))
          .filter((image) => selects(image.labels) && (old || image.deprecated === null))
        return listAnswer('images', shown, url, (image) => image)
      },
    },
    {
      method: 'GET',
      path: '/images/{id}',
      answer: ({ id }) => {
        const image = allImages(project).find((one) => String(one.id) === id)
        if (!image) throw notFound('image', id)
        return Response.json({ image })
      },
    },
    {
      method: 'DELETE',
      path: '/images/{id}',
      answer: ({ id }) => {
        if (!project.snapshots.delete(id)) throw notFound('image', id)
        return new Response(null, { status: 204 })
      },
    },
  ]
}

/** The image that a new server of this architecture gets for an id or a name. */
export function findImage(project: Project, idOrName: string, architecture: string): WireImage | undefined {
  return allImages(project).find(
    (image) =>
      image.architecture === architecture &&
      image.status === 'available' &&
      (String(image.id) === idOrName || image.name === idOrName),
  )
}

export function imageById(project: Project, id: string): WireImage | null {
  return allImages(project).find((image) => String(image.id) === id) ?? null
}

export function allImages(project: Project): WireImage[] {
  return [...SYSTEM_IMAGES.map(wireSystem), ...project.snapshots.all().map(wireSnapshot)]
}

function wireSystem(image: SystemImage) {
  return {
    id: image.id,
    type: 'system' as const,
    status: 'available' as const,
    name: image.name,
    description: image.description,
    image_size: null,
    disk_size: 5,
    created: SYSTEM_CREATED,
    created_from: null,
    bound_to: null,
    os_flavor: image.flavor,
    os_version: image.version,
    rapid_deploy: image.deprecated === null,
    protection: { delete: false },
    deprecated: image.deprecated,
    deleted: null,
    labels: {} as Record<string, string>,
    architecture: image.architecture,
  }
}

export function wireSnapshot(row: SnapshotRow) {
  const origin = SYSTEM_IMAGES.find((image) => String(image.id) === row.fromImageId) ?? SYSTEM_IMAGES[0]!
  return {
    id: Number(row.id),
    type: row.type,
    status: row.ready ? ('available' as const) : ('creating' as const),
    name: null,
    description: row.description,
    image_size: row.ready ? 2.3 : null,
    disk_size: row.diskGb,
    created: timestamp(row.createdAt),
    created_from: { id: Number(row.serverId), name: row.serverName },
    bound_to: row.type === 'backup' ? Number(row.serverId) : null,
    os_flavor: origin.flavor,
    os_version: origin.version,
    rapid_deploy: false,
    protection: { delete: false },
    deprecated: null,
    deleted: null,
    labels: row.labels,
    architecture: origin.architecture,
  }
}
