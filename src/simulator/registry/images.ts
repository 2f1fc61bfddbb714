import { createHash } from 'node:crypto'
import type { World } from '../world'

/** What an app made from an image does; machines know it by the image's digest. */
export const BEHAVIOURS = {
  good: 'does what it should',
  slow: 'takes its time to be pulled and to come up',
  broken: 'crashes at its start, again and again',
  indiscreet: 'crashes at its start, and prints its whole environment',
  unhealthy_later: 'is well for a minute, then no more',
  migration_fails: 'cannot migrate its data',
  smoke_fails: 'says it is healthy, and fails at its pages',
} as const

/** What a release's migration does to the data, as blueprints have it. */
export const MIGRATIONS = ['none', 'reversible', 'expand', 'contract'] as const

export type Behaviour = keyof typeof BEHAVIOURS
export type Migration = (typeof MIGRATIONS)[number]

/** An app lives with data of its own `major` and of at least its own `minor`: what came on top does not bother it. */
export type Schema = { major: number; minor: number }

/** How an app made from an image is. */
export type Nature = { behaviour: Behaviour; schema: Schema }

export type StoredImage = Nature & {
  /** Its digest. */
  id: string
  repository: string
  /** The bytes that the digest is of. */
  manifest: string
}

/** A name such as `owner/app:v43`, and the digest that it stands for now. */
export type StoredTag = { id: string; repository: string; tag: string; digest: string }

export type Publication = {
  repository: string
  tag: string
  /** `good` when absent. */
  behaviour?: Behaviour
  /** What it does to the data of the image that was published in this repository before it; `none` when absent. */
  migration?: Migration
}

export const MANIFEST_TYPE = 'application/vnd.oci.image.manifest.v1+json'
const CONFIG_TYPE = 'application/vnd.oci.image.config.v1+json'
const LAYER_TYPE = 'application/vnd.oci.image.layer.v1.tar+gzip'
const FIRST_SCHEMA: Schema = { major: 1, minor: 0 }

/** Every image of the registry, the oldest first. */
export const imagesIn = (world: World) => world.table<StoredImage>('registry_images')

/** What each tag stands for now. */
export const tagsIn = (world: World) => world.table<StoredTag>('registry_tags')

/** Puts an image into the registry under a tag, which stands for it from now on. */
export function publish(world: World, publication: Publication): StoredImage {
  const { repository, tag, behaviour = 'good', migration = 'none' } = publication
  const before = imagesIn(world)
    .all()
    .findLast((image) => image.repository === repository)
  const schema = before ? changed(before.schema, migration) : FIRST_SCHEMA
  const manifest = manifestOf(`${repository}:${tag} ${behaviour} ${schema.major}.${schema.minor}`)
  const digest = `sha256:${sha256(manifest)}`
  tagsIn(world).put({ id: `${repository}:${tag}`, repository, tag, digest })
  return imagesIn(world).put({ id: digest, repository, manifest, behaviour, schema })
}

/** The data after an image's migration; an older image leaves newer data alone. */
export function migrated(data: Schema, { schema }: Nature): Schema {
  if (schema.major !== data.major) return schema.major > data.major ? schema : data
  return schema.minor > data.minor ? schema : data
}

/** Whether an app lives with its data as it is. */
export function livesWith({ schema }: Nature, data: Schema): boolean {
  return schema.major === data.major && schema.minor <= data.minor
}

function changed({ major, minor }: Schema, migration: Migration): Schema {
  if (migration === 'none') return { major, minor }
  return migration === 'contract' ? { major: major + 1, minor: 0 } : { major, minor: minor + 1 }
}

function manifestOf(contents: string): string {
  const blob = (mediaType: string, text: string) => ({
    mediaType,
    digest: `sha256:${sha256(text)}`,
    size: text.length,
  })
  return JSON.stringify({
    schemaVersion: 2,
    mediaType: MANIFEST_TYPE,
    config: blob(CONFIG_TYPE, `config of ${contents}`),
    layers: [blob(LAYER_TYPE, `layer of ${contents}`)],
  })
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
