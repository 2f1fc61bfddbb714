import { conflict } from '../../errors'
import type { Cloud, CloudVolume } from '../cloud'
import type { HetznerApi } from './api'
import { orNull } from './errors'
import { withLabels } from './labels'
import { read, replies, type WireVolume } from './wire'

/** https://docs.hetzner.cloud/reference/cloud#volumes */
export function volumes(api: HetznerApi): Pick<Cloud, 'listVolumes' | 'deleteVolume'> {
  return {
    async listVolumes(labels) {
      const listed: CloudVolume[] = []
      for await (const page of api.pages('/volumes', withLabels(labels))) {
        listed.push(...read(replies.volumes, page).volumes.map(toVolume))
      }
      return listed
    },

    async deleteVolume(volumeId) {
      const path = `/volumes/${encodeURIComponent(volumeId)}`
      const reply = await orNull(() => api.request('GET', path))
      if (reply === null) return
      // Hetzner would refuse it too, but with a code that stands for any fault of its own.
      if (read(replies.volume, reply).volume.server !== null) {
        throw conflict('This volume is still attached to a server. Detach it first, then delete it.')
      }
      await orNull(() => api.request('DELETE', path))
    },
  }
}

function toVolume(wire: WireVolume): CloudVolume {
  return {
    id: wire.id,
    name: wire.name,
    sizeGb: wire.size,
    serverId: wire.server,
    labels: wire.labels,
    createdAt: wire.created,
  }
}
