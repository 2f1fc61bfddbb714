import type { Clock } from '../../clock'
import { unavailable } from '../../errors'
import type { Cloud, CloudImage, ImageSpec } from '../cloud'
import type { HetznerApi, Query } from './api'
import { orNull } from './errors'
import { withLabels } from './labels'
import { runningActions } from './servers'
import { read, replies, type WireImage } from './wire'

type Images = Pick<Cloud, 'ensureImage' | 'getImage' | 'listOwnImages' | 'deleteImage'>

const CREATE_IMAGE = 'create_image'
/** How long a list may lag behind what was made. */
const LAG_MAX_MS = 60_000
/** An image may carry a slightly earlier time than the action that makes it. */
const CLOCK_SLACK_MS = 5_000

/** Snapshots and backups. https://docs.hetzner.cloud/reference/cloud#images */
export function images(api: HetznerApi, clock: Clock): Images {
  return {
    /**
     * Images have no names that Hetzner would keep unique, so three things keep them from being made twice: the
     * labels, which must name the one occasion (the run's id) and are looked for first; the server, which refuses
     * a second image as `locked` while the first is made; and its list of actions, which tells of an image that
     * was made a moment ago and that a lagging list of images hides: then it is `unavailable` for a minute.
     */
    async ensureImage(serverId, spec) {
      const found = await findSnapshot(api, spec)
      if (found) return { image: found, actionId: await actionOf(api, serverId, found) }
      await refuseWhileHidden(api, serverId, clock.now())
      return createImage(api, serverId, spec)
    },

    getImage: (imageId) => getImage(api, imageId),

    async listOwnImages(labels) {
      const snapshots = await listImages(api, { type: 'snapshot', ...withLabels(labels) })
      return [...snapshots, ...(await listImages(api, { type: 'backup', ...withLabels({}) }))]
    },

    async deleteImage(imageId) {
      await orNull(() => api.request('DELETE', `/images/${encodeURIComponent(imageId)}`))
    },
  }
}

async function listImages(api: HetznerApi, query: Query): Promise<CloudImage[]> {
  const listed: CloudImage[] = []
  for await (const page of api.pages('/images', query)) {
    listed.push(...read(replies.images, page).images.flatMap((image) => toImage(image) ?? []))
  }
  return listed
}

/** The oldest with these labels; one that a lagging list still shows after its deletion is none. */
async function findSnapshot(api: HetznerApi, { labels }: ImageSpec): Promise<CloudImage | null> {
  for (const { id } of await listImages(api, { type: 'snapshot', ...withLabels(labels) })) {
    const image = await getImage(api, id)
    if (image) return image
  }
  return null
}

function getImage(api: HetznerApi, imageId: string): Promise<CloudImage | null> {
  return orNull(async () => {
    const reply = await api.request('GET', `/images/${encodeURIComponent(imageId)}`)
    return toImage(read(replies.image, reply).image)
  })
}

/** The action that makes an image; null when it is made. */
async function actionOf(api: HetznerApi, serverId: string, image: CloudImage): Promise<string | null> {
  if (image.status !== 'creating') return null
  const [running] = await runningActions(api, image.serverId ?? serverId, CREATE_IMAGE)
  return running ?? null
}

/** Throws while the server's actions tell of more new images than the list of images shows. */
async function refuseWhileHidden(api: HetznerApi, serverId: string, nowMs: number): Promise<void> {
  const path = `/servers/${encodeURIComponent(serverId)}/actions`
  const { actions } = read(replies.actions, await api.request('GET', path, { sort: 'started:desc' }))
  const recent = actions.filter(
    (one) => one.command === CREATE_IMAGE && one.status !== 'error' && one.started > nowMs - LAG_MAX_MS,
  )
  const [latest, oldest] = [recent[0], recent.at(-1)]
  if (!latest || !oldest) return
  const query: Query = { type: ['snapshot', 'backup'], sort: 'created:desc', per_page: '50' }
  const { images } = read(replies.images, await api.request('GET', '/images', query))
  const shown = images.filter(
    (image) => image.created_from?.id === serverId && image.created >= oldest.started - CLOCK_SLACK_MS,
  )
  if (shown.length >= recent.length) return
  throw unavailable('Hetzner has just made an image of this server and does not list it yet.', {
    outcome: 'refused',
    retryAfterMs: Math.min(latest.started + LAG_MAX_MS - nowMs, LAG_MAX_MS),
  })
}

async function createImage(api: HetznerApi, serverId: string, spec: ImageSpec) {
  const path = `/servers/${encodeURIComponent(serverId)}/actions/create_image`
  const body = { type: 'snapshot', description: spec.description, labels: spec.labels }
  const { image, action } = read(replies.createdImage, await api.request('POST', path, {}, body))
  return { image: ownImage(image), actionId: action.id }
}

/** The image, or null when it is one of Hetzner's own. */
function toImage(wire: WireImage): CloudImage | null {
  return wire.type === 'snapshot' || wire.type === 'backup' ? ownImage(wire) : null
}

function ownImage(wire: WireImage): CloudImage {
  return {
    id: wire.id,
    type: wire.type === 'backup' ? 'backup' : 'snapshot',
    status: wire.status,
    description: wire.description,
    sizeGb: wire.image_size,
    serverId: wire.created_from?.id ?? null,
    labels: wire.labels,
    createdAt: wire.created,
  }
}
