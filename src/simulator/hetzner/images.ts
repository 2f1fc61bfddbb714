import * as v from 'valibot'
import { invalidInput, notFound, parse, Refusal, timestamp } from './answers'
import { SYSTEM_IMAGES, type SystemImage } from './catalogue'
import { labelSelectorOf } from './labels'
import { listAnswer, oneOf } from './lists'
import type { Project, SnapshotRow } from './project'
import type { Route } from './routes'

const PROTECT_MS = 1_000
const SYSTEM_CREATED = '2025-08-12T05:30:00Z'

type WireImage = ReturnType<typeof wireSystem> | ReturnType<typeof wireSnapshot>

/** Hetzner's own images, and the project's snapshots and backups. */
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
        const images = [...SYSTEM_IMAGES.map(wireSystem), ...project.listed.snapshots.map(wireSnapshot)]
        const shown = images
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
        const image = imageById(project, id)
        if (!image) throw notFound('image', id)
        return Response.json({ image })
      },
    },
    { method: 'DELETE', path: '/images/{id}', answer: ({ id }) => deleteImage(project, id) },
    {
      method: 'POST',
      path: '/images/{id}/actions/change_protection',
      answer: ({ id, body }) => changeProtection(project, id, body),
    },
  ]
}

/** The image that a server of this architecture gets for an id or a name. */
export function findImage(project: Project, idOrName: string, architecture: string): WireImage | undefined {
  const system = SYSTEM_IMAGES.find((image) => image.architecture === architecture && image.name === idOrName)
  const image = system ? wireSystem(system) : imageById(project, idOrName)
  return image?.architecture === architecture && image.status === 'available' ? image : undefined
}

/** An image, Hetzner's own or the project's, as it is shown; null when there is none. */
export function imageById(project: Project, id: string): WireImage | null {
  const own = project.snapshots.get(id)
  if (own) return wireSnapshot(own)
  const system = SYSTEM_IMAGES.find((image) => String(image.id) === id)
  return system ? wireSystem(system) : null
}

/** Hetzner's own image behind one that may be a snapshot. */
export const systemImageOf = (project: Project, imageId: string): string =>
  project.snapshots.get(imageId)?.systemImageId ?? imageId

/** The disk that an image was made of is larger than the one it is to be put on. */
export const imageTooBig = () => invalidInput('image', 'image disk is bigger than server type disk')

function deleteImage(project: Project, id: string): Response {
  const row = mustGetOwn(project, id)
  if (row.protected) throw new Refusal('protected', 'image is protected')
  if (project.actions.needsImage(id)) throw new Refusal('locked', 'image is in use by a running action')
  project.snapshots.delete(id)
  return new Response(null, { status: 204 })
}

function changeProtection(project: Project, id: string, body: unknown): Response {
  const row = mustGetOwn(project, id)
  const { delete: wanted = row.protected } = parse(v.object({ delete: v.optional(v.boolean()) }), body)
  project.snapshots.put({ ...row, protected: wanted })
  const resources = [{ id: Number(id), type: 'image' }]
  const action = project.actions.begin({
    command: 'change_protection',
    serverId: null,
    resources,
    lastsMs: PROTECT_MS,
  })
  return Response.json({ action: project.actions.wire(action) }, { status: 201 })
}

function mustGetOwn(project: Project, id: string): SnapshotRow {
  const row = project.snapshots.get(id)
  if (!row) throw notFound('image', id)
  return row
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

// A system, and what the machine wrote: a thousand characters of it stand for five megabytes.
/** How much room a snapshot takes. */
export const sizeGb = ({ disk }: SnapshotRow) => Math.round((1.1 + disk.length / 200_000) * 100) / 100

/** A snapshot or backup as Hetzner shows it. */
export function wireSnapshot(row: SnapshotRow) {
  const origin = SYSTEM_IMAGES.find((image) => String(image.id) === row.systemImageId) ?? SYSTEM_IMAGES[0]!
  return {
    id: Number(row.id),
    type: row.type,
    status: row.ready ? ('available' as const) : ('creating' as const),
    name: null,
    description: row.description,
    image_size: row.ready ? sizeGb(row) : null,
    disk_size: row.diskGb,
    created: timestamp(row.createdAt),
    created_from: { id: Number(row.serverId), name: row.serverName },
    bound_to: row.type === 'backup' ? Number(row.serverId) : null,
    os_flavor: origin.flavor,
    os_version: origin.version,
    rapid_deploy: false,
    protection: { delete: row.protected },
    deprecated: null,
    deleted: null,
    labels: row.labels,
    architecture: origin.architecture,
  }
}
