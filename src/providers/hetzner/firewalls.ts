import { conflict } from '../../errors'
import type { Cloud, FirewallSpec } from '../cloud'
import type { HetznerApi } from './api'
import { isRefusedAs, notYetListed } from './errors'
import { carries } from './labels'
import { read, replies } from './wire'

/** https://docs.hetzner.cloud/reference/cloud#firewalls */
export function firewalls(api: HetznerApi): Pick<Cloud, 'ensureFirewall'> {
  return {
    async ensureFirewall(spec) {
      const found = await findFirewall(api, spec)
      if (found) return found
      try {
        return await createFirewall(api, spec)
      } catch (thrown) {
        if (!isRefusedAs(thrown, 'uniqueness_error')) throw thrown
        const taken = await findFirewall(api, spec)
        if (taken) return taken
        throw notYetListed(thrown)
      }
    },
  }
}

async function findFirewall(api: HetznerApi, spec: FirewallSpec): Promise<{ id: string } | null> {
  const reply = await api.request('GET', '/firewalls', { name: spec.name })
  const firewall = read(replies.firewalls, reply).firewalls[0]
  if (!firewall) return null
  if (!carries(firewall.labels, spec.labels)) {
    throw conflict('A firewall of this name exists at Hetzner that Atlas did not make.')
  }
  return { id: firewall.id }
}

async function createFirewall(api: HetznerApi, spec: FirewallSpec): Promise<{ id: string }> {
  const rules = spec.rules.map(({ sourceIps, ...rule }) => ({
    ...rule,
    direction: 'in',
    source_ips: sourceIps,
  }))
  const body = { name: spec.name, labels: spec.labels, rules }
  const reply = await api.request('POST', '/firewalls', {}, body)
  return { id: read(replies.firewall, reply).firewall.id }
}
