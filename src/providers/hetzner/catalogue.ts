import type { Clock } from '../../clock'
import type { Cloud, ServerType } from '../cloud'
import type { HetznerApi, Query } from './api'
import { read, replies, toPrices, toServerType } from './wire'

type Catalogue = Pick<Cloud, 'listServerTypes' | 'listLocations' | 'listImages' | 'getPrices'>

/** What Hetzner sells. */
export function catalogue(api: HetznerApi, clock: Clock): Catalogue {
  return {
    async listServerTypes() {
      const types: ServerType[] = []
      for await (const page of api.pages('/server_types')) {
        const wire = read(replies.serverTypes, page).server_types
        types.push(...wire.map((type) => toServerType(type, clock.now())))
      }
      return types.filter((type) => type.locations.length > 0)
    },

    async listLocations() {
      const locations: { name: string; city: string; country: string }[] = []
      for await (const page of api.pages('/locations'))
        locations.push(...read(replies.locations, page).locations)
      return locations
    },

    async getPrices() {
      return toPrices(read(replies.pricing, await api.request('GET', '/pricing')).pricing)
    },

    async listImages() {
      const images: { name: string; architecture: 'x86' | 'arm' }[] = []
      const query: Query = { type: 'system', status: 'available' }
      for await (const page of api.pages('/images', query)) {
        for (const { name, architecture, deprecated } of read(replies.images, page).images) {
          if (name && !deprecated) images.push({ name, architecture })
        }
      }
      return images
    },
  }
}
