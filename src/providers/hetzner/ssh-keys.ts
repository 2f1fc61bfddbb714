import type { Cloud } from '../cloud'
import type { HetznerApi } from './api'
import { orNull } from './errors'
import { read, replies } from './wire'

/** https://docs.hetzner.cloud/reference/cloud#ssh-keys */
export function sshKeys(api: HetznerApi): Pick<Cloud, 'getSshKey'> {
  return {
    async getSshKey(idOrName) {
      if (!/^\d+$/.test(idOrName)) {
        const reply = await api.request('GET', '/ssh_keys', { name: idOrName })
        return read(replies.sshKeys, reply).ssh_keys[0] ?? null
      }
      return orNull(async () => {
        const reply = await api.request('GET', `/ssh_keys/${idOrName}`)
        return read(replies.sshKey, reply).ssh_key
      })
    },
  }
}
